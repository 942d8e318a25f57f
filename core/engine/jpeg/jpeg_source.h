// Bytes in memory as a source for libjpeg.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>

// clang-format off: it needs cstdio's FILE
#include <jpeglib.h>
// clang-format on

#include "engine/geometry.h"

namespace penstock {

// Where the bytes end, libjpeg suspends: its caller gives more of them, or knows that the file ends too early.
struct SuspendingSource : jpeg_source_mgr {
  size_t pending_skip = 0;  // bytes to drop from what comes next

  // After jpeg_create_decompress.
  void attach(jpeg_decompress_struct& info) {
    info.src = this;
    init_source = ignore_event;
    fill_input_buffer = on_empty;
    skip_input_data = on_skip;
    resync_to_restart = jpeg_resync_to_restart;
    term_source = ignore_event;
  }

  void begin(Bytes first) {
    next_input_byte = first.data;
    bytes_in_buffer = first.size;
    pending_skip = 0;
  }

  // `bytes` more follow those given so far.
  void extend(size_t bytes) {
    bytes_in_buffer += bytes;
    skip(pending_skip);
  }

 private:
  void skip(size_t wanted) {
    const size_t skipped = std::min(wanted, bytes_in_buffer);
    next_input_byte += skipped;
    bytes_in_buffer -= skipped;
    pending_skip = wanted - skipped;
  }

  static void ignore_event(j_decompress_ptr) {}
  static boolean on_empty(j_decompress_ptr) { return FALSE; }
  static void on_skip(j_decompress_ptr info, long bytes) {
    static_cast<SuspendingSource*>(info->src)->skip(static_cast<size_t>(std::max(bytes, 0L)));
  }
};

}  // namespace penstock

// A JPEG from coefficients, through libjpeg.
#pragma once

#include <vector>

#include "engine/dct/frame.h"
#include "engine/dct/table_choice.h"
#include "engine/geometry.h"
#include "engine/jpeg/jpeg_guard.h"

namespace penstock {

// Calls in this order: start, write_segment for each metadata segment, row until all blocks are filled in, finish.
// Every call throws Error(kDecode) for what libjpeg can't write.
class JpegWriter {
 public:
  // `frame` has to outlive the writer.
  explicit JpegWriter(const DctFrame& frame);
  ~JpegWriter();
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  void start();
  void write_segment(uint8_t marker, Bytes payload);

  // The blocks of one row of a component, to be filled in: zeros. Valid until the next call.
  JBLOCKROW row(int component, int block_row);

  std::vector<uint8_t> finish();

 private:
  // libjpeg's view of a growing vector.
  struct Target : jpeg_destination_mgr {
    std::vector<uint8_t> bytes;
    bool grow();
  };

  template <typename Body>
  void run(Body body);
  void describe();
  void describe_component(int c);
  static void on_start(j_compress_ptr info);
  static boolean on_full(j_compress_ptr info);
  static void on_end(j_compress_ptr info);

  const DctFrame& frame_;
  const TableChoice tables_;
  JpegGuard guard_;
  jpeg_compress_struct info_;
  Target target_;
  jvirt_barray_ptr arrays_[kMaxComponents] = {};
  jpeg_scan_info scans_[kMaxComponents] = {};
};

}  // namespace penstock

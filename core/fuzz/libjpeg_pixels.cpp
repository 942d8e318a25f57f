#include "fuzz/libjpeg_pixels.h"

#include <algorithm>

#include "engine/jpeg/jpeg_guard.h"

namespace penstock::fuzzing {
namespace {

boolean on_empty(j_decompress_ptr) { return FALSE; }

void on_skip(j_decompress_ptr info, long bytes) {
  const size_t skipped = std::min(static_cast<size_t>(std::max(bytes, 0L)), info->src->bytes_in_buffer);
  info->src->next_input_byte += skipped;
  info->src->bytes_in_buffer -= skipped;
}

void ignore_event(j_decompress_ptr) {}

class Decompressor {
 public:
  explicit Decompressor(Bytes jpeg) {
    guard_.watch(info_);
    jpeg_create_decompress(&info_);
    info_.src = &source_;
    source_ = {jpeg.data, jpeg.size, ignore_event, on_empty, on_skip, jpeg_resync_to_restart, ignore_event};
  }
  ~Decompressor() { jpeg_destroy_decompress(&info_); }

  // False where libjpeg stops; nothing in here may own memory.
  bool start() {
    bool started = false;
    const bool alive = guard_.attempt([&] {
      if (jpeg_read_header(&info_, TRUE) != JPEG_HEADER_OK) return;
      info_.out_color_space = info_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
      started = jpeg_start_decompress(&info_) != FALSE;
    });
    return alive && started;
  }

  bool read_rows(uint8_t* rows) {
    const size_t row_bytes = size_t{info_.output_width} * static_cast<size_t>(info_.output_components);
    bool complete = false;
    const bool alive = guard_.attempt([&] {
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW row = rows + info_.output_scanline * row_bytes;
        if (jpeg_read_scanlines(&info_, &row, 1) == 0) return;
      }
      complete = true;
    });
    return alive && complete;
  }

  size_t pixels() const { return size_t{info_.output_width} * info_.output_height; }
  size_t channels() const { return static_cast<size_t>(info_.output_components); }

 private:
  JpegGuard guard_;
  jpeg_decompress_struct info_;
  jpeg_source_mgr source_;
};

}  // namespace

std::optional<std::vector<uint8_t>> libjpeg_pixels(Bytes jpeg) {
  Decompressor decompressor(jpeg);
  if (!decompressor.start()) return std::nullopt;
  const size_t pixels = decompressor.pixels(), channels = decompressor.channels();
  std::vector<uint8_t> rows(pixels * channels), planes;
  if (!decompressor.read_rows(rows.data())) return std::nullopt;
  for (size_t plane = 0; plane < 3; ++plane) {
    for (size_t k = 0; k < pixels; ++k) planes.push_back(rows[k * channels + std::min(plane, channels - 1)]);
  }
  return planes;
}

}  // namespace penstock::fuzzing

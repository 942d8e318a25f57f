#include "engine/resample.h"

#include <algorithm>

#include "engine/resample_kernels.h"

namespace penstock {
namespace {

// Pillow 13 (its pull request 9549) works down the columns first where the height loses over twice as many pixels.
bool is_columns_first(Size source, Size target) {
  const int lost_height = source.height - target.height;
  const int lost_width = source.width - target.width;
  return lost_height > 0 && lost_height > 2 * lost_width;
}

// Memory for an image that kernels write and read.
Pixels allocate(Scratch<uint8_t>& memory, Size size) {
  const size_t stride = static_cast<size_t>(size.width) * 3 + kWriteAhead;
  const uint8_t* const data = memory.reserve(stride * static_cast<size_t>(size.height) + kReadAhead);
  return {data, size, static_cast<ptrdiff_t>(stride)};
}

}  // namespace

Rect Resampler::prepare(Size source, Size target, Rect window, bool flip) {
  horizontal_.compute(source.width, target.width, window.x, window.width, flip);
  vertical_.compute(source.height, target.height, window.y, window.height, false);
  columns_first_ = is_columns_first(source, target);
  return {horizontal_.first_input(), vertical_.first_input(), horizontal_.input_count(), vertical_.input_count()};
}

Pixels Resampler::run(Pixels part) {
  if (columns_first_) return resize_rows(resize_columns(part, between_), result_);
  return resize_columns(resize_rows(part, between_), result_);
}

Pixels Resampler::resize_rows(Pixels image, Scratch<uint8_t>& memory) {
  const Pixels result = allocate(memory, {image.size.height, horizontal_.count()});
  const auto kernel = resample_kernels(simd_level()).rows;
  const int last = image.size.height - 1;
  for (int y = 0; y <= last; y += kRowsAtOnce) {
    const uint8_t* in[kRowsAtOnce];
    uint8_t* out[kRowsAtOnce];
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const int row = std::min(y + r, last);
      in[r] = image.data + row * image.stride;
      out[r] = memory.get() + row * result.stride;
    }
    kernel(in, out, horizontal_);
  }
  return result;
}

Pixels Resampler::resize_columns(Pixels image, Scratch<uint8_t>& memory) {
  const Pixels result = allocate(memory, {vertical_.count(), image.size.width});
  const auto kernel = resample_kernels(simd_level()).column;
  const size_t bytes = static_cast<size_t>(image.size.width) * 3;
  const int last = image.size.height - 1;
  const uint8_t** const in = rows_.reserve(2 * static_cast<size_t>(vertical_.most_pairs()));
  for (int y = 0; y < result.size.height; ++y) {
    const int pair_count = vertical_.pair_count(y);
    for (int tap = 0; tap < 2 * pair_count; ++tap) {
      in[tap] = image.data + std::min(vertical_.start(y) + tap, last) * image.stride;
    }
    kernel(in, vertical_.pairs(y), pair_count, bytes, memory.get() + y * result.stride);
  }
  return result;
}

}  // namespace penstock

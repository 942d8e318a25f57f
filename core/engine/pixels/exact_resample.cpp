#include "engine/pixels/exact_resample.h"

#include <algorithm>

#include "engine/pixels/exact_kernels.h"
#include "engine/pixels/transpose.h"

namespace penstock {

Rect ExactResampler::prepare(ResizeFilter filter, Size source, Size target, Rect window, bool flip) {
  const SimdLevel level = simd_level();
  if (horizontal_.compute({filter, source.width, target.width, window.x, window.width, flip})) has_digits_ = false;
  if (vertical_.compute({filter, source.height, target.height, window.y, window.height, false})) has_digits_ = false;
  if (level != level_ || !has_digits_) build_digits(level);
  // Pillow 13 begins with the columns where the height loses over twice as many pixels as the width.
  const int lost_height = source.height - target.height, lost_width = source.width - target.width;
  columns_first_ = lost_height > 0 && lost_height > 2 * int64_t{lost_width};
  return {horizontal_.first_input(), vertical_.first_input(), horizontal_.input_count(), vertical_.input_count()};
}

void ExactResampler::begin(const uint8_t* part, ptrdiff_t stride) {
  row_ = 0;
  const size_t given_width = horizontal_.input_count(), width = horizontal_.count();
  const size_t given_height = vertical_.input_count(), height = vertical_.count();
  if (!columns_first_) {
    filter_along_rows(part, stride, vertical_.input_count(), first_pass_.reserve(given_height * width + kReadAhead));
    return;
  }
  uint8_t* const between = first_pass_.reserve(height * given_width + kReadAhead);
  for (int y = 0; y < vertical_.count(); ++y) {
    filter_down_columns(part, stride, y, horizontal_.input_count(), between + y * given_width);
  }
  filter_along_rows(between, static_cast<ptrdiff_t>(given_width), vertical_.count(), result_.reserve(height * width));
}

// The weights as the kernels of the level want them.
void ExactResampler::build_digits(SimdLevel level) {
  has_digits_ = false;
  level_ = level;
  has_pieces_ = level >= SimdLevel::kAvx512 && pieces_.build(horizontal_);
  if (level >= SimdLevel::kAvx512) stacked_.build(vertical_);
  has_digits_ = true;
}

// Writes row `y` of the result, of `length` bytes.
void ExactResampler::filter_down_columns(const uint8_t* rows, ptrdiff_t stride, int y, int length, uint8_t* out) const {
  const WeighedRows from{rows + vertical_.start(y) * stride, stride, vertical_.taps(y)};
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level_ >= SimdLevel::kAvx512) {
    weigh_rows_avx512(from, stacked_.quads(y), length, out);
    return;
  }
#endif
  weigh_rows(level_, from, vertical_.weights(y), length, out);
}

// Writes rows without gaps.
void ExactResampler::filter_along_rows(const uint8_t* rows, ptrdiff_t stride, int count, uint8_t* out) {
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (has_pieces_) {
    weigh_pieces_avx512(rows, stride, count, pieces_.table(), out);
    return;
  }
#endif
  filter_strips(rows, stride, count, out);
}

// The same: rows that are turned into columns lie as those of the other pass do.
void ExactResampler::filter_strips(const uint8_t* rows, ptrdiff_t stride, int count, uint8_t* out) {
  const int given = horizontal_.input_count(), width = horizontal_.count();
  uint8_t* const columns = columns_.reserve(static_cast<size_t>(given) * kStrip);
  uint8_t* const filtered = filtered_columns_.reserve(static_cast<size_t>(width) * kStrip);
  for (int top = 0; top < count; top += kStrip) {
    const int strip = std::min(kStrip, count - top);
    transpose(rows + top * stride, stride, strip, given, columns, kStrip);
    for (int x = 0; x < width; ++x) {
      const WeighedRows from{columns + static_cast<size_t>(horizontal_.start(x)) * kStrip, kStrip, horizontal_.taps(x)};
      weigh_rows(level_, from, horizontal_.weights(x), kStrip, filtered + static_cast<size_t>(x) * kStrip);
    }
    transpose(filtered, kStrip, width, strip, out + static_cast<size_t>(top) * width, width);
  }
}

void ExactResampler::next_row(uint8_t* out) {
  const int y = row_++, width = horizontal_.count();
  if (columns_first_) {
    std::copy_n(result_.get() + static_cast<size_t>(y) * width, width, out);
    return;
  }
  filter_down_columns(first_pass_.get(), width, y, width, out);
}

}  // namespace penstock

#include "engine/pixels/exact_resample.h"

#include <algorithm>
#include <cstring>

#include "engine/colour/at_level.h"
#include "engine/pixels/transpose.h"

namespace penstock {
namespace {

// Rows that go through the pass along the rows together, as columns: pixels that lie beside each other then.
constexpr int kStrip = 64;

// Sums up `taps` rows, each times its weight, as bytes. Up to kStrip bytes behind the rows may be read.
void weigh_rows(SimdLevel level, const uint8_t* rows, ptrdiff_t stride, const int32_t* weights, int taps, int length,
                uint8_t* out) {
  for (int x = 0; x < length; x += kStrip) {
    alignas(64) uint8_t block[kStrip];
    const bool whole = length - x >= kStrip;
    uint8_t* const to = whole ? out + x : block;
    const uint8_t* const from = rows + x;
    at_level(level, [=]() PENSTOCK_INLINE {
      uint32_t sums[kStrip];
      for (int i = 0; i < kStrip; ++i) sums[i] = uint32_t{1} << (kFilterBits - 1);
      int tap = 0;
      for (; tap + 1 < taps; tap += 2) {
        const auto weight = static_cast<uint32_t>(weights[tap]), next_weight = static_cast<uint32_t>(weights[tap + 1]);
        const uint8_t *const row = from + tap * stride, *const next_row = row + stride;
        for (int i = 0; i < kStrip; ++i) sums[i] += weight * row[i] + next_weight * next_row[i];
      }
      if (tap < taps) {
        const auto weight = static_cast<uint32_t>(weights[tap]);
        const uint8_t* const row = from + tap * stride;
        for (int i = 0; i < kStrip; ++i) sums[i] += weight * row[i];
      }
      for (int i = 0; i < kStrip; ++i) {
        to[i] = static_cast<uint8_t>(std::clamp(static_cast<int32_t>(sums[i]) >> kFilterBits, 0, 255));
      }
    });
    if (!whole) std::memcpy(out + x, block, length - x);
  }
}

}  // namespace

Rect ExactResampler::prepare(ResizeFilter filter, Size source, Size target, Rect window, bool flip) {
  level_ = simd_level();
  horizontal_.compute(filter, source.width, target.width, window.x, window.width, flip);
  vertical_.compute(filter, source.height, target.height, window.y, window.height, false);
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
    weigh_rows(level_, part + vertical_.start(y) * stride, stride, vertical_.weights(y), vertical_.taps(y),
               horizontal_.input_count(), between + y * given_width);
  }
  filter_along_rows(between, static_cast<ptrdiff_t>(given_width), vertical_.count(), result_.reserve(height * width));
}

// Writes rows without gaps.
void ExactResampler::filter_along_rows(const uint8_t* rows, ptrdiff_t stride, int count, uint8_t* out) {
  const int given = horizontal_.input_count(), width = horizontal_.count();
  uint8_t* const columns = columns_.reserve(static_cast<size_t>(given) * kStrip);
  uint8_t* const filtered = filtered_columns_.reserve(static_cast<size_t>(width) * kStrip);
  for (int top = 0; top < count; top += kStrip) {
    const int strip = std::min(kStrip, count - top);
    transpose(rows + top * stride, stride, strip, given, columns, kStrip);
    for (int x = 0; x < width; ++x) {
      weigh_rows(level_, columns + static_cast<size_t>(horizontal_.start(x)) * kStrip, kStrip, horizontal_.weights(x),
                 horizontal_.taps(x), kStrip, filtered + static_cast<size_t>(x) * kStrip);
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
  weigh_rows(level_, first_pass_.get() + static_cast<size_t>(vertical_.start(y)) * width, width, vertical_.weights(y),
             vertical_.taps(y), width, out);
}

}  // namespace penstock

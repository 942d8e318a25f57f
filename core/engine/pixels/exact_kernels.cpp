#include "engine/pixels/exact_kernels.h"

#include <algorithm>
#include <cstring>

#include "engine/colour/at_level.h"

namespace penstock {

void weigh_rows(SimdLevel level, const WeighedRows& from, const int32_t* weights, int length, uint8_t* out) {
  for (int x = 0; x < length; x += kStrip) {
    alignas(64) uint8_t block[kStrip];
    const bool whole = length - x >= kStrip;
    uint8_t* const to = whole ? out + x : block;
    const uint8_t* const rows = from.rows + x;
    at_level(level, [=, taps = from.taps, stride = from.stride]() PENSTOCK_INLINE {
      uint32_t sums[kStrip];
      for (int i = 0; i < kStrip; ++i) sums[i] = uint32_t{1} << (kFilterBits - 1);
      int tap = 0;
      for (; tap + 1 < taps; tap += 2) {
        const auto weight = static_cast<uint32_t>(weights[tap]), next_weight = static_cast<uint32_t>(weights[tap + 1]);
        const uint8_t *const row = rows + tap * stride, *const next_row = row + stride;
        for (int i = 0; i < kStrip; ++i) sums[i] += weight * row[i] + next_weight * next_row[i];
      }
      if (tap < taps) {
        const auto weight = static_cast<uint32_t>(weights[tap]);
        const uint8_t* const row = rows + tap * stride;
        for (int i = 0; i < kStrip; ++i) sums[i] += weight * row[i];
      }
      for (int i = 0; i < kStrip; ++i) {
        to[i] = static_cast<uint8_t>(std::clamp(static_cast<int32_t>(sums[i]) >> kFilterBits, 0, 255));
      }
    });
    if (!whole) std::memcpy(out + x, block, length - x);
  }
}

}  // namespace penstock

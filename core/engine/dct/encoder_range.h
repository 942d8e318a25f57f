// Whether a block is one that all of libjpeg's implementations decode alike, and that a JPEG can hold.
#pragma once

#include <array>
#include <cstdint>

#include "engine/dct/block_kernels.h"
#include "engine/dct/frame.h"
#include "engine/dct/table_choice.h"

namespace penstock {

// What JPEGs of 8 bits hold: differences of DC have 11 bits, AC coefficients 10 (ITU T.81, F.1.2).
constexpr int kMinDc = -1024;
constexpr int kMaxDc = 1023;
constexpr int kMaxAc = 1023;

// A cheap sufficient condition: no coefficient is beyond kMaxDc and kMaxAc, and the sum of |coefficient| x weight is at
// most kWeightedLimit.
constexpr int kWeightedLimit = 16000;
std::array<int16_t, kBlockItems> range_weights(const Quantization& quantization);

// What the blocks of a component are checked against.
struct RangeLimits {
  explicit RangeLimits(const Quantization& table) : quantization(&table), weights(range_weights(table)) {}

  const Quantization* quantization;
  std::array<int16_t, kBlockItems> weights;
};

// The transform is orthogonal: samples within -512 to 511 have no coefficient, times its quantiser, beyond 8 x 512, and
// no value beyond 32 x 512 after the first pass, which scales by 4 x sqrt(8). So all that is held in 16 bits somewhere,
// sums of two values included, fits. With room for roundings:
constexpr int kMaxDequantized = 4200;
constexpr int kMaxWorkspace = 17000;

using BlockItems = std::array<int32_t, kBlockItems>;

inline __attribute__((always_inline)) bool all_within(const BlockItems& items, int lowest, int highest) {
  int outside = 0;
  for (const int32_t item : items) outside |= (item < lowest) | (item > highest);
  return outside == 0;
}

// One dimension of the inverse DCT, down the columns.
inline __attribute__((always_inline)) void transform(const BlockItems& items, int shift, BlockItems& result) {
  const int32_t* const in = items.data();
  for (int k = 0; k < 4; ++k) {
    int32_t* const near = result.data() + k * kBlockSide;
    int32_t* const far = result.data() + (7 - k) * kBlockSide;
    for (int x = 0; x < kBlockSide; ++x) {
      const int32_t even = (in[x] + kEvenSign[k] * in[32 + x]) * (1 << kIdctBits) + kEven[k][0] * in[16 + x] +
                           kEven[k][1] * in[48 + x] + (1 << (shift - 1));
      const int32_t odd =
          kOdd[k][0] * in[8 + x] + kOdd[k][1] * in[24 + x] + kOdd[k][2] * in[40 + x] + kOdd[k][3] * in[56 + x];
      near[x] = (even + odd) >> shift;
      far[x] = (even - odd) >> shift;
    }
  }
}

inline __attribute__((always_inline)) BlockItems transposed(const BlockItems& items) {
  BlockItems result;
  for (size_t i = 0; i < kBlockItems; ++i) result[i] = items[i % kBlockSide * kBlockSide + i / kBlockSide];
  return result;
}

// The condition itself (SPEC.md, 9.5), by working the inverse DCT out. Inline, for the instruction set of its caller.
inline __attribute__((always_inline)) bool in_range(const int16_t* block, const Quantization& quantization) {
  BlockItems items, columns, samples;
  for (size_t i = 0; i < kBlockItems; ++i) items[i] = i == 0 ? 0 : block[i];
  if (block[0] < kMinDc || block[0] > kMaxDc || !all_within(items, -kMaxAc, kMaxAc)) return false;
  for (size_t i = 0; i < kBlockItems; ++i) items[i] = block[i] * quantization[i];
  if (!all_within(items, -kMaxDequantized, kMaxDequantized)) return false;
  transform(items, kFirstShift, columns);
  if (!all_within(columns, -kMaxWorkspace, kMaxWorkspace)) return false;
  transform(transposed(columns), kSecondShift, samples);
  return all_within(samples, -512, 511);
}

}  // namespace penstock

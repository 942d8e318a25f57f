#include "engine/pixels/resample_kernels.h"

#include <algorithm>

namespace penstock {
namespace {

void filter_group(const uint8_t* row, const int32_t* starts, const int32_t* weights, int pair_count, int32_t* sums) {
  for (int pair = 0; pair < pair_count; ++pair, row += 2, weights += kGroup) {
    for (int i = 0; i < kGroup; ++i) {
      const uint8_t* const taps = row + starts[i];
      sums[i] += taps[0] * first_of(weights[i]) + taps[1] * second_of(weights[i]);
    }
  }
}

void rows_portable(const uint8_t* upper, const uint8_t* lower, const RowTables& tables, int32_t* out) {
  const int shift = tables.shift, pair_count = tables.pair_count;
  const int32_t* weights = tables.weights;
  for (int first = 0; first < tables.group_count * kGroup; first += kGroup, weights += pair_count * kGroup) {
    int32_t sums[2][kGroup];
    for (int32_t (&row)[kGroup] : sums) std::fill_n(row, kGroup, (1 << shift) >> 1);
    filter_group(upper, tables.starts + first, weights, pair_count, sums[0]);
    filter_group(lower, tables.starts + first, weights, pair_count, sums[1]);
    for (int i = 0; i < kGroup; ++i) out[first + i] = pair_of(sums[0][i] >> shift, sums[1][i] >> shift);
  }
}

void column_portable(const int32_t* const* in, const int32_t* weights, int pair_count, int shift, int width,
                     uint8_t* out) {
  for (int x = 0; x < width; x += kGroup) {
    int32_t sums[kGroup];
    std::fill_n(sums, kGroup, (1 << shift) >> 1);
    for (int pair = 0; pair < pair_count; ++pair) {
      const int32_t* const row = in[pair] + x;
      const int first = first_of(weights[pair]), second = second_of(weights[pair]);
      for (int i = 0; i < kGroup; ++i) sums[i] += first_of(row[i]) * first + second_of(row[i]) * second;
    }
    const int count = std::min(kGroup, width - x);
    for (int i = 0; i < count; ++i) out[x + i] = static_cast<uint8_t>(sums[i] >> shift);
  }
}

}  // namespace

void RowFilter::build(const AxisWeights& axis, int shift, int lanes) {
  const int count = axis.count(), pair_count = axis.pair_count();
  const int group_count = (count + kGroup - 1) / kGroup, padded = group_count * kGroup;
  int32_t* const starts = starts_.reserve(padded);
  std::copy_n(axis.starts(), count, starts);
  std::fill(starts + count, starts + padded, starts[count - 1]);
  int32_t* out = weights_.reserve(static_cast<size_t>(padded) * pair_count);
  for (int first = 0; first < padded; first += kGroup) {
    const int32_t* const weights = axis.weights(first);
    const int real = std::min(kGroup, count - first);
    for (int pair = 0; pair < pair_count; ++pair, out += kGroup) {
      for (int i = 0; i < real; ++i) out[i] = weights[i * pair_count + pair];
      std::fill(out + real, out + kGroup, 0);
    }
  }
  tables_ = {group_count, pair_count, shift, 0, starts, weights_.get(), nullptr, nullptr};
  locate(lanes);
}

void RowFilter::locate(int lanes) {
  const int padded = tables_.group_count * kGroup;
  const int32_t* const starts = tables_.starts;
  int32_t* const places = places_.reserve(padded);
  int32_t* base = bases_.reserve(padded / lanes);
  int spread = 0;
  for (int output = 0; output < padded; output += lanes, ++base) {
    const auto [least, most] = std::minmax(starts[output], starts[output + lanes - 1]);
    *base = least;
    spread = std::max(spread, most - least);
    for (int i = output; i < output + lanes; ++i) {
      const int place = starts[i] - *base;
      places[i] = pair_of(0x8000 | place, 0x8000 | (place + 1));
    }
  }
  tables_.pairs_in_piece = std::max(0, (4 * lanes - spread) / 2);
  tables_.places = places;
  tables_.bases = bases_.get();
}

const ResampleKernels& resample_kernels(SimdLevel level) {
  static constexpr ResampleKernels kPortable = {1, rows_portable, column_portable};
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level >= SimdLevel::kAvx512) return kResampleAvx512;
#endif
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) return kResampleAvx2;
#endif
  static_cast<void>(level);
  return kPortable;
}

}  // namespace penstock

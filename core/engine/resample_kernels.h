// The inner loops of the resampler. Each portable kernel has twins with the same arguments and bit-identical results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/axis_weights.h"
#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {

// Outputs that are computed together along a row; rows of results are padded to a multiple of it.
constexpr int kGroup = 16;

// The weights along the rows, as kernels want them. The last group is filled up with outputs of weight 0.
class RowFilter {
 public:
  // Sums are divided by 2^shift. `lanes`: how many neighbouring outputs a kernel takes from one piece of 4 * lanes
  // bytes.
  void build(const AxisWeights& axis, int shift, int lanes);

  int group_count() const { return group_count_; }
  int pair_count() const { return pair_count_; }  // pairs of taps, for every output
  int shift() const { return shift_; }
  // Where the taps of the group's outputs begin.
  const int32_t* starts(int group) const { return starts_.get() + group * kGroup; }
  // Tap pair p of the group's output i: element p * kGroup + i, a pair.
  const int32_t* weights(int group) const { return weights_.get() + static_cast<size_t>(group) * pair_count_ * kGroup; }
  // For each output of the group, four bytes: where its first two taps lie in the piece, each followed by 128, the mark
  // of a zero.
  const int32_t* places(int group) const { return places_.get() + group * kGroup; }
  // Where the pieces begin, of all groups: with the least of the starts of `lanes` outputs.
  const int32_t* bases() const { return bases_.get(); }
  // How many pairs of taps of all the outputs of a piece lie in it. 0 where outputs are too far apart; then `places`
  // say nothing.
  int pairs_in_piece() const { return pairs_in_piece_; }

 private:
  void locate();

  int group_count_ = 0;
  int pair_count_ = 0;
  int shift_ = 0;
  int lanes_ = 1;
  int pairs_in_piece_ = 0;
  Scratch<int32_t> starts_;
  Scratch<int32_t> weights_;
  Scratch<int32_t> places_;
  Scratch<int32_t> bases_;
};

struct ResampleKernels {
  // RowFilter::build's.
  int lanes;

  // Filters two rows along the row: out[x] is the pair of both rows' output x, rounded; whole groups are written. Reads
  // up to kReadAhead bytes past the rows' last input.
  void (*rows)(const uint8_t* upper, const uint8_t* lower, const RowFilter& filter, int32_t* out);

  // One row of `width` bytes from pairs of rows, rounded and divided by 2^shift: out[x] is the sum of in[p][x] *
  // weights[p] over both halves of all pairs. Reads whole groups of 4 * kGroup, writes nothing beyond `width`.
  void (*column)(const int32_t* const* in, const int32_t* weights, int pair_count, int shift, int width, uint8_t* out);
};

#ifdef PENSTOCK_HAS_AVX2_KERNELS
extern const ResampleKernels kResampleAvx2;
#endif
#ifdef PENSTOCK_HAS_AVX512_KERNELS
extern const ResampleKernels kResampleAvx512;
#endif

const ResampleKernels& resample_kernels(SimdLevel level);

}  // namespace penstock

// The inner loops of the resampler. Each portable kernel has twins with the same arguments and bit-identical results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pixels/axis_weights.h"
#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {

// Outputs that are computed together along a row; rows of results are padded to a multiple of it.
constexpr int kGroup = 16;

// The weights along the rows, as kernels want them. Outputs come in groups; the last is filled up with outputs of
// weight 0.
struct RowTables {
  int group_count;
  int pair_count;  // pairs of taps, for every output
  int shift;       // sums are divided by 2^shift
  // How many pairs of taps of all the outputs of a piece lie in it. 0 where outputs are too far apart; then `places`
  // say nothing.
  int pairs_in_piece;
  // By output: where its taps begin.
  const int32_t* starts;
  // Tap pair p of output i of group g: element (g * pair_count + p) * kGroup + i.
  const int32_t* weights;
  // By output, four bytes: where its first two taps lie in the piece, each followed by 128, the mark of a zero.
  const int32_t* places;
  // By piece: where it begins.
  const int32_t* bases;
};

// Makes and keeps such tables.
class RowFilter {
 public:
  // `lanes`: how many neighbouring outputs a kernel takes from one piece of 4 * lanes bytes, which begins with the
  // least of their starts.
  void build(const AxisWeights& axis, int shift, int lanes);

  const RowTables& tables() const { return tables_; }

 private:
  void locate(int lanes);

  RowTables tables_{};
  Scratch<int32_t> starts_;
  Scratch<int32_t> weights_;
  Scratch<int32_t> places_;
  Scratch<int32_t> bases_;
};

struct ResampleKernels {
  // What RowFilter::build wants to know.
  int lanes;

  // Filters two rows along the row: out[x] is the pair of both rows' output x, rounded; whole groups are written. Reads
  // up to kReadAhead bytes past the rows' last input.
  void (*rows)(const uint8_t* upper, const uint8_t* lower, const RowTables& tables, int32_t* out);

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

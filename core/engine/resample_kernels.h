// The inner loops of the resampler. Each portable kernel has a twin with the same arguments and bit-identical results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/axis_weights.h"
#include "engine/simd.h"

namespace penstock {

// Kernels may write this many bytes after each row.
constexpr size_t kWriteAhead = 32;
// Rows that one call of the row kernel takes.
constexpr int kRowsAtOnce = 4;

struct ResampleKernels {
  // Four rows of RGB pixels along the row: out[r] gets weights.count() pixels. Rows may repeat. Reads up to 16 bytes
  // past the last weighted pixel, writes up to kWriteAhead bytes past the last output.
  void (*rows)(const uint8_t* const in[kRowsAtOnce], uint8_t* const out[kRowsAtOnce], const AxisWeights& weights);

  // One output row of `bytes` from the rows in[0] .. in[2 * pair_count - 1]. Reads and writes up to kWriteAhead bytes
  // past the end of the rows.
  void (*column)(const uint8_t* const* in, const WeightPair* pairs, int pair_count, size_t bytes, uint8_t* out);
};

const ResampleKernels& resample_kernels(SimdLevel level);

}  // namespace penstock

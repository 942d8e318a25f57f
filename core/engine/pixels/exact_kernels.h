// The inner loops of Pillow's antialiased filters. Sums are Pillow's, modulo 2^32, then rounded and cut off to bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pixels/weight_digits.h"
#include "engine/simd.h"

namespace penstock {

// Bytes that are worked on together.
constexpr int kStrip = 64;

// Rows of bytes to sum up. Up to kStrip bytes behind a row may be read.
struct WeighedRows {
  const uint8_t* rows;
  ptrdiff_t stride;
  int taps;
};

// Sums up rows, each times its weight.
void weigh_rows(SimdLevel level, const WeighedRows& from, const int32_t* weights, int length, uint8_t* out);

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// The same.
PENSTOCK_AVX512 void weigh_rows_avx512(const WeighedRows& from, const DigitQuad* quads, int length, uint8_t* out);

// Sums along each of `count` rows; results have no gaps between rows. Reads nothing behind a row's last input.
PENSTOCK_AVX512 void weigh_pieces_avx512(const uint8_t* rows, ptrdiff_t stride, int count, const PieceTable& table,
                                         uint8_t* out);

#endif

}  // namespace penstock

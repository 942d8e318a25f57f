// Pillow's arithmetic on vectors of 16 values.
#pragma once

#include "engine/simd.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include "engine/intrinsics.h"

namespace penstock {

PENSTOCK_AVX512 inline __m512 load_floats(const uint8_t* values) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values))));
}

// `grey_of`: all its products and sums are integers below 2^24, which floats hold exactly, and divided by 2^16 too.
PENSTOCK_AVX512 inline __m512 grey_of_floats(__m512 red, __m512 green, __m512 blue) {
  constexpr float kUnit = 1.0F / 65536;
  __m512 sum = _mm512_fmadd_ps(red, _mm512_set1_ps(19595 * kUnit), _mm512_set1_ps(0.5F));
  sum = _mm512_fmadd_ps(green, _mm512_set1_ps(38470 * kUnit), sum);
  sum = _mm512_fmadd_ps(blue, _mm512_set1_ps(7471 * kUnit), sum);
  return _mm512_roundscale_ps(sum, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

// `blended`, multiplication and addition each rounded.
PENSTOCK_AVX512 inline __m128i blended_floats(__m512 from, __m512 to, __m512 alpha) {
  const __m512 change = _mm512_mul_ps(alpha, _mm512_sub_ps(to, from));
  const __m512 value = _mm512_max_ps(_mm512_add_ps(from, change), _mm512_setzero_ps());
  // What is above 255 becomes 255: as unsigned numbers, even those that are too large for an int.
  return _mm512_cvtusepi32_epi8(_mm512_cvttps_epi32(value));
}

}  // namespace penstock

#endif

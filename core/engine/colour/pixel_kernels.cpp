#include "engine/colour/pixel_kernels.h"

#include <algorithm>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX512_KERNELS

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

// SAFETY: changes whole vectors from the start of the planes, and returns how many pixels those are.
PENSTOCK_AVX512 size_t change_saturation_avx512(float factor, const PlanarImage& image) {
  const size_t count = image.plane_pixels();
  const __m512 alpha = _mm512_set1_ps(factor);
  size_t done = 0;
  for (; done + 16 <= count; done += 16) {
    __m512 channels[3];
    for (int channel = 0; channel < 3; ++channel) channels[channel] = load_floats(image.plane(channel) + done);
    const __m512 grey = grey_of_floats(channels[0], channels[1], channels[2]);
    for (int channel = 0; channel < 3; ++channel) {
      const __m128i values = blended_floats(grey, channels[channel], alpha);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(image.plane(channel) + done), values);
    }
  }
  return done;
}

#endif

}  // namespace

void make_grey(SimdLevel level, const PlanarImage& image) {
  const size_t count = image.plane_pixels();
  uint8_t *const reds = image.plane(0), *const greens = image.plane(1), *const blues = image.plane(2);
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = reds, * __restrict green = greens, * __restrict blue = blues;
    for (size_t i = 0; i < count; ++i) {
      const auto grey = static_cast<uint8_t>(grey_of(red[i], green[i], blue[i]));
      red[i] = green[i] = blue[i] = grey;
    }
  });
}

void change_saturation(SimdLevel level, float factor, const PlanarImage& image) {
  size_t done = 0;
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level >= SimdLevel::kAvx512) done = change_saturation_avx512(factor, image);
#endif
  const size_t count = image.plane_pixels();
  uint8_t *const reds = image.plane(0), *const greens = image.plane(1), *const blues = image.plane(2);
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = reds, * __restrict green = greens, * __restrict blue = blues;
    for (size_t i = done; i < count; ++i) {
      const int grey = grey_of(red[i], green[i], blue[i]);
      red[i] = blended(grey, red[i], factor);
      green[i] = blended(grey, green[i], factor);
      blue[i] = blended(grey, blue[i], factor);
    }
  });
}

}  // namespace penstock

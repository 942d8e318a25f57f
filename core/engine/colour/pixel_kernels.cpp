#include "engine/colour/pixel_kernels.h"

#include <algorithm>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"
#include "engine/colour/float_vectors.h"

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX512_KERNELS

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

#include <algorithm>
#include <cstring>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"
#include "engine/colour/float_vectors.h"
#include "engine/colour/neighbour_kernels.h"

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX512_KERNELS

PENSTOCK_AVX512 inline __m256i load(const uint16_t* sums) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums));
}

// As the loop in `apply_to_plane`, for pixels from the second on. `three` are the sums down the columns.
// SAFETY: reads and writes whole vectors, up to the last pixel but one; returns where it ended.
PENSTOCK_AVX512 size_t sharpen_avx512(float factor, const uint16_t* three, const uint8_t* here, size_t width,
                                      uint8_t* out) {
  const __m512 alpha = _mm512_set1_ps(factor);
  const __m256i rounding = _mm256_set1_epi16(6), reciprocal = _mm256_set1_epi16(5042);
  size_t x = 1;
  for (; x + 16 < width; x += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(here + x));
    const __m256i middle = _mm256_cvtepu8_epi16(bytes);
    const __m256i nine = _mm256_add_epi16(_mm256_add_epi16(load(three + x - 1), load(three + x)), load(three + x + 1));
    const __m256i sum = _mm256_add_epi16(_mm256_add_epi16(nine, _mm256_slli_epi16(middle, 2)), rounding);
    const __m512i smooth = _mm512_cvtepu16_epi32(_mm256_mulhi_epu16(sum, reciprocal));
    const __m512 to = _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(middle));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x), blended_floats(_mm512_cvtepi32_ps(smooth), to, alpha));
  }
  return x;
}

#endif

}  // namespace

void Sharpness::apply(SimdLevel level, float factor, const PlanarImage& image) {
  // Pillow leaves the outermost pixels as they are.
  if (image.size.width < 3 || image.size.height < 3) return;
  for (int channel = 0; channel < 3; ++channel) apply_to_plane(level, factor, image.plane(channel), image.size);
}

void Sharpness::apply_to_plane(SimdLevel level, float factor, uint8_t* plane, Size size) {
  const auto width = static_cast<size_t>(size.width);
  uint8_t* above_row = rows_.reserve(2 * width);  // as the image was, before it changed
  uint8_t* here_row = above_row + width;
  uint16_t* const columns = columns_.reserve(width);
  std::memcpy(above_row, plane, width);
  for (int y = 1; y + 1 < size.height; ++y) {
    uint8_t* const row = plane + static_cast<size_t>(y) * width;
    std::memcpy(here_row, row, width);
    at_level(level, [=]() PENSTOCK_INLINE {
      const uint8_t* __restrict above = above_row, * __restrict here = here_row, * __restrict below = row + width;
      uint16_t* __restrict three = columns;
      for (size_t x = 0; x < width; ++x) three[x] = static_cast<uint16_t>(above[x] + here[x] + below[x]);
    });
    size_t begin = 1;
#ifdef PENSTOCK_HAS_AVX512_KERNELS
    if (level >= SimdLevel::kAvx512) begin = sharpen_avx512(factor, columns, here_row, width, row);
#endif
    at_level(level, [=]() PENSTOCK_INLINE {
      const uint8_t* __restrict here = here_row;
      const uint16_t* __restrict three = columns;
      uint8_t* __restrict out = row;
      for (size_t x = begin; x + 1 < width; ++x) {
        // (1 1 1; 1 5 1; 1 1 1) / 13, rounded; no sum is half way. The factor is 2^16 / 13: exact for these sums.
        const auto sum = static_cast<uint16_t>(three[x - 1] + three[x] + three[x + 1] + 4 * here[x] + 6);
        const auto smooth = static_cast<uint16_t>((sum * 5042U) >> 16);
        out[x] = blended(smooth, here[x], factor);
      }
    });
    std::swap(above_row, here_row);
  }
}

}  // namespace penstock

#include "engine/jpeg/deinterleave.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include <immintrin.h>
#endif

namespace penstock {
namespace {

void deinterleave_portable(const uint8_t* rgb, int first, int width, const std::array<uint8_t*, 3>& planes) {
  for (int x = first; x < width; ++x) {
    for (int channel = 0; channel < 3; ++channel) planes[channel][x] = rgb[3 * x + channel];
  }
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// Where byte x of a plane comes from: byte 3 * x + channel of 48, or -1 where that is not in bytes 16 * part onwards.
struct Shuffles {
  int8_t from[3][3][16];  // [channel][part][x]
};

constexpr Shuffles make_shuffles() {
  Shuffles shuffles{};
  for (int channel = 0; channel < 3; ++channel) {
    for (int part = 0; part < 3; ++part) {
      for (int x = 0; x < 16; ++x) {
        const int byte = 3 * x + channel - 16 * part;
        shuffles.from[channel][part][x] = static_cast<int8_t>(byte >= 0 && byte < 16 ? byte : -1);
      }
    }
  }
  return shuffles;
}

alignas(16) constexpr Shuffles kShuffles = make_shuffles();

// SAFETY: takes whole groups of 16 pixels, and returns how many pixels it wrote.
PENSTOCK_AVX2 int deinterleave_avx2(const uint8_t* rgb, int width, const std::array<uint8_t*, 3>& planes) {
  int x = 0;
  for (; x + 16 <= width; x += 16) {
    const __m128i* const in = reinterpret_cast<const __m128i*>(rgb + 3 * x);
    const __m128i parts[3] = {_mm_loadu_si128(in), _mm_loadu_si128(in + 1), _mm_loadu_si128(in + 2)};
    for (int channel = 0; channel < 3; ++channel) {
      __m128i plane = _mm_setzero_si128();
      for (int part = 0; part < 3; ++part) {
        const __m128i from = _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles.from[channel][part]));
        plane = _mm_or_si128(plane, _mm_shuffle_epi8(parts[part], from));
      }
      _mm_storeu_si128(reinterpret_cast<__m128i*>(planes[channel] + x), plane);
    }
  }
  return x;
}

#endif

}  // namespace

void deinterleave(SimdLevel level, const uint8_t* rgb, int width, const std::array<uint8_t*, 3>& planes) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) done = deinterleave_avx2(rgb, width, planes);
#endif
  static_cast<void>(level);
  deinterleave_portable(rgb, done, width, planes);
}

}  // namespace penstock

#include "engine/pixels/interleave.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include <immintrin.h>
#endif

namespace penstock {
namespace {

void interleave_portable(const std::array<const uint8_t*, 3>& planes, int first, int width, uint8_t* rgb) {
  for (int x = first; x < width; ++x) {
    for (int channel = 0; channel < 3; ++channel) rgb[3 * x + channel] = planes[channel][x];
  }
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// Where byte j of 16 bytes of pixels comes from in a plane's 16 bytes, or -1 where it is another plane's.
struct Shuffles {
  int8_t from[3][3][16];  // [part][channel][j]
};

constexpr Shuffles make_shuffles() {
  Shuffles shuffles{};
  for (int part = 0; part < 3; ++part) {
    for (int channel = 0; channel < 3; ++channel) {
      for (int j = 0; j < 16; ++j) {
        const int byte = 16 * part + j;
        shuffles.from[part][channel][j] = static_cast<int8_t>(byte % 3 == channel ? byte / 3 : -1);
      }
    }
  }
  return shuffles;
}

alignas(16) constexpr Shuffles kShuffles = make_shuffles();

// SAFETY: takes whole groups of 16 pixels, and returns how many pixels it wrote.
PENSTOCK_AVX2 int interleave_avx2(const std::array<const uint8_t*, 3>& planes, int width, uint8_t* rgb) {
  int x = 0;
  for (; x + 16 <= width; x += 16) {
    __m128i in[3];
    for (int channel = 0; channel < 3; ++channel) {
      in[channel] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(planes[channel] + x));
    }
    for (int part = 0; part < 3; ++part) {
      __m128i out = _mm_setzero_si128();
      for (int channel = 0; channel < 3; ++channel) {
        const __m128i from = _mm_load_si128(reinterpret_cast<const __m128i*>(kShuffles.from[part][channel]));
        out = _mm_or_si128(out, _mm_shuffle_epi8(in[channel], from));
      }
      _mm_storeu_si128(reinterpret_cast<__m128i*>(rgb + 3 * x) + part, out);
    }
  }
  return x;
}

#endif

}  // namespace

void interleave(SimdLevel level, const std::array<const uint8_t*, 3>& planes, int width, uint8_t* rgb) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) done = interleave_avx2(planes, width, rgb);
#endif
  static_cast<void>(level);
  interleave_portable(planes, done, width, rgb);
}

}  // namespace penstock

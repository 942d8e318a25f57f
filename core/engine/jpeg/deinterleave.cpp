#include "engine/jpeg/deinterleave.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
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

// SAFETY: takes whole groups of 16 pixels from `first` on, and returns where it ended.
PENSTOCK_AVX2 int deinterleave_avx2(const uint8_t* rgb, int first, int width, const std::array<uint8_t*, 3>& planes) {
  int x = first;
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

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// Where byte x of a plane comes from, of 64 pixels: byte 3 * x + channel of the first 128, then of the last 64.
struct WideShuffles {
  uint8_t first[3][64];   // [channel][x]
  uint8_t second[3][64];  // where it is not among the first 128
  uint64_t in_second[3];
};

constexpr WideShuffles make_wide_shuffles() {
  WideShuffles shuffles{};
  for (int channel = 0; channel < 3; ++channel) {
    for (int x = 0; x < 64; ++x) {
      const int byte = 3 * x + channel;
      if (byte < 128) {
        shuffles.first[channel][x] = static_cast<uint8_t>(byte);
      } else {
        shuffles.second[channel][x] = static_cast<uint8_t>(byte - 128);
        shuffles.in_second[channel] |= uint64_t{1} << x;
      }
    }
  }
  return shuffles;
}

alignas(64) constexpr WideShuffles kWideShuffles = make_wide_shuffles();

// SAFETY: takes whole groups of 64 pixels, and returns where it ended.
PENSTOCK_AVX512 int deinterleave_avx512(const uint8_t* rgb, int width, const std::array<uint8_t*, 3>& planes) {
  int x = 0;
  for (; x + 64 <= width; x += 64) {
    const uint8_t* const in = rgb + 3 * x;
    const __m512i parts[3] = {_mm512_loadu_si512(in), _mm512_loadu_si512(in + 64), _mm512_loadu_si512(in + 128)};
    for (int channel = 0; channel < 3; ++channel) {
      const __m512i first = _mm512_load_si512(kWideShuffles.first[channel]);
      const __m512i second = _mm512_load_si512(kWideShuffles.second[channel]);
      const __m512i begun = _mm512_permutex2var_epi8(parts[0], first, parts[1]);
      _mm512_storeu_si512(planes[channel] + x,
                          _mm512_mask_permutexvar_epi8(begun, kWideShuffles.in_second[channel], second, parts[2]));
    }
  }
  return x;
}

#endif

}  // namespace

void deinterleave(SimdLevel level, const uint8_t* rgb, int width, const std::array<uint8_t*, 3>& planes) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) done = deinterleave_avx512(rgb, width, planes);
  if (level >= SimdLevel::kAvx2) done = deinterleave_avx2(rgb, done, width, planes);
#endif
  static_cast<void>(level);
  deinterleave_portable(rgb, done, width, planes);
}

}  // namespace penstock

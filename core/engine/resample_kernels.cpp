#include "engine/resample_kernels.h"

#include <algorithm>

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include <immintrin.h>

#include <cstring>
#endif

namespace penstock {
namespace {

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::min(sum >> kWeightBits, 255)); }

int32_t whole(const WeightPair& pair, int tap) { return (int32_t{pair.high[tap]} << kLowBits) + pair.low[tap]; }

void rows_portable(const uint8_t* const in[kRowsAtOnce], uint8_t* const out[kRowsAtOnce], const AxisWeights& weights) {
  for (int r = 0; r < kRowsAtOnce; ++r) {
    for (int x = 0; x < weights.count(); ++x) {
      const uint8_t* pixel = in[r] + static_cast<size_t>(weights.start(x)) * 3;
      const WeightPair* const pairs = weights.pairs(x);
      int32_t red = kHalf, green = kHalf, blue = kHalf;
      for (int pair = 0; pair < weights.pair_count(x); ++pair, pixel += 6) {
        const int32_t first = whole(pairs[pair], 0), second = whole(pairs[pair], 1);
        red += pixel[0] * first + pixel[3] * second;
        green += pixel[1] * first + pixel[4] * second;
        blue += pixel[2] * first + pixel[5] * second;
      }
      out[r][3 * x] = rounded(red);
      out[r][3 * x + 1] = rounded(green);
      out[r][3 * x + 2] = rounded(blue);
    }
  }
}

void column_portable(const uint8_t* const* in, const WeightPair* pairs, int pair_count, size_t bytes, uint8_t* out) {
  for (size_t x = 0; x < bytes; ++x) {
    int32_t high = 0, low = kHalf;
    for (int pair = 0; pair < pair_count; ++pair) {
      for (int tap = 0; tap < 2; ++tap) {
        const int32_t pixel = in[2 * pair + tap][x];
        high += pixel * pairs[pair].high[tap];
        low += pixel * pairs[pair].low[tap];
      }
    }
    out[x] = rounded((high << kLowBits) + low);
  }
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// The sums of products with the high and the low halves of the weights; eight of each.
struct Sums {
  __m256i high;
  __m256i low;
};

PENSTOCK_AVX2 inline void add_products(Sums& sums, __m256i pixels, __m256i high, __m256i low) {
  sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(pixels, high));
  sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(pixels, low));
}

PENSTOCK_AVX2 inline __m256i shifted(const Sums& sums) {
  const __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(sums.high, kLowBits), sums.low);
  return _mm256_srai_epi32(sum, kWeightBits);
}

PENSTOCK_AVX2 inline Sums fresh_sums() { return {_mm256_setzero_si256(), _mm256_set1_epi32(kHalf)}; }

PENSTOCK_AVX2 inline __m256i broadcast(const int16_t* two) {
  int32_t value;
  std::memcpy(&value, two, sizeof value);
  return _mm256_set1_epi32(value);
}

// 16 bytes of one row in the lower lane, of another in the upper.
PENSTOCK_AVX2 inline __m256i load_two(const uint8_t* lower, const uint8_t* upper) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
}

PENSTOCK_AVX2 inline void store_four(uint8_t* out, int bytes) { std::memcpy(out, &bytes, sizeof bytes); }

// Per lane: red, green and blue of two pixels as 16-bit pairs, from the pixels at bytes 0 or 6.
PENSTOCK_AVX2 inline __m256i first_pair() {
  return _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
}
PENSTOCK_AVX2 inline __m256i second_pair() {
  return _mm256_broadcastsi128_si256(_mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
}

// Two pixels of each of four rows; rows 0 and 1 are the lanes of `upper`, rows 2 and 3 those of `lower`.
struct FourRows {
  __m256i upper;
  __m256i lower;
};

PENSTOCK_AVX2 inline void add_pair(Sums sums[2], const FourRows& rows, __m256i pixels, const WeightPair& pair) {
  const __m256i high = broadcast(pair.high), low = broadcast(pair.low);
  add_products(sums[0], _mm256_shuffle_epi8(rows.upper, pixels), high, low);
  add_products(sums[1], _mm256_shuffle_epi8(rows.lower, pixels), high, low);
}

// The first four bytes of each row's pixel: red, green, blue and 0.
PENSTOCK_AVX2 inline void store_pixels(const Sums sums[2], uint8_t* const out[kRowsAtOnce], size_t offset) {
  const __m256i words = _mm256_packs_epi32(shifted(sums[0]), shifted(sums[1]));
  const __m256i bytes = _mm256_packus_epi16(words, words);
  const __m128i even = _mm256_castsi256_si128(bytes), odd = _mm256_extracti128_si256(bytes, 1);
  store_four(out[0] + offset, _mm_cvtsi128_si32(even));
  store_four(out[1] + offset, _mm_cvtsi128_si32(odd));
  store_four(out[2] + offset, _mm_extract_epi32(even, 1));
  store_four(out[3] + offset, _mm_extract_epi32(odd, 1));
}

// SAFETY: reads 16 bytes at an even tap's pixel, so at most 13 past the last weighted one; a store is 4 bytes for 3,
// from left to right, so that the next one overwrites the excess.
PENSTOCK_AVX2 void rows_avx2(const uint8_t* const in[kRowsAtOnce], uint8_t* const out[kRowsAtOnce],
                             const AxisWeights& weights) {
  for (int x = 0; x < weights.count(); ++x) {
    const WeightPair* const pairs = weights.pairs(x);
    const int pair_count = weights.pair_count(x);
    const size_t start = static_cast<size_t>(weights.start(x)) * 3;
    Sums sums[2] = {fresh_sums(), fresh_sums()};
    for (int pair = 0; pair < pair_count; pair += 2) {
      const size_t at = start + static_cast<size_t>(pair) * 6;
      const FourRows rows = {load_two(in[0] + at, in[1] + at), load_two(in[2] + at, in[3] + at)};
      add_pair(sums, rows, first_pair(), pairs[pair]);
      if (pair + 1 < pair_count) add_pair(sums, rows, second_pair(), pairs[pair + 1]);
    }
    store_pixels(sums, out, static_cast<size_t>(x) * 3);
  }
}

// SAFETY: reads and writes whole groups of 32 bytes, so up to 31 past `bytes`.
PENSTOCK_AVX2 void column_avx2(const uint8_t* const* in, const WeightPair* pairs, int pair_count, size_t bytes,
                               uint8_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  for (size_t x = 0; x < bytes; x += 32) {
    Sums sums[4] = {fresh_sums(), fresh_sums(), fresh_sums(), fresh_sums()};
    for (int pair = 0; pair < pair_count; ++pair) {
      const __m256i above = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in[2 * pair] + x));
      const __m256i below = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in[2 * pair + 1] + x));
      const __m256i high = broadcast(pairs[pair].high), low = broadcast(pairs[pair].low);
      const __m256i left = _mm256_unpacklo_epi8(above, below), right = _mm256_unpackhi_epi8(above, below);
      add_products(sums[0], _mm256_unpacklo_epi8(left, zero), high, low);
      add_products(sums[1], _mm256_unpackhi_epi8(left, zero), high, low);
      add_products(sums[2], _mm256_unpacklo_epi8(right, zero), high, low);
      add_products(sums[3], _mm256_unpackhi_epi8(right, zero), high, low);
    }
    const __m256i left = _mm256_packs_epi32(shifted(sums[0]), shifted(sums[1]));
    const __m256i right = _mm256_packs_epi32(shifted(sums[2]), shifted(sums[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), _mm256_packus_epi16(left, right));
  }
}

#endif

}  // namespace

const ResampleKernels& resample_kernels(SimdLevel level) {
  static constexpr ResampleKernels kPortableKernels = {rows_portable, column_portable};
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  static constexpr ResampleKernels kAvx2Kernels = {rows_avx2, column_avx2};
  if (level >= SimdLevel::kAvx2) return kAvx2Kernels;
#endif
  static_cast<void>(level);
  return kPortableKernels;
}

}  // namespace penstock

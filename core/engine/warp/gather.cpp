#include "engine/warp/gather.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: these take whole vectors of places, and return how many places those are.

PENSTOCK_AVX2 int gather_avx2(const uint32_t* pixels, const int32_t* places, int count, const PlanarRow& row) {
  const int* const base = reinterpret_cast<const int*>(pixels);
  // Channels together: within each half, then across both.
  const __m256i by_channel =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m256i both_halves = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  int done = 0;
  for (; done + 8 <= count; done += 8) {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(places + done));
    const __m256i halves = _mm256_shuffle_epi8(_mm256_i32gather_epi32(base, at, 4), by_channel);
    const __m256i planes = _mm256_permutevar8x32_epi32(halves, both_halves);
    const __m128i red_green = _mm256_castsi256_si128(planes), blue = _mm256_extracti128_si256(planes, 1);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(row.red + done), red_green);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(row.green + done), _mm_unpackhi_epi64(red_green, red_green));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(row.blue + done), blue);
  }
  return done;
}

PENSTOCK_AVX2 int gather_pairs_avx2(const uint32_t* pixels, const int32_t* places, int count, uint32_t* left,
                                    uint32_t* right) {
  const auto* const base = reinterpret_cast<const long long*>(pixels);
  int done = 0;
  for (; done + 8 <= count; done += 8) {
    const __m128i* const at = reinterpret_cast<const __m128i*>(places + done);
    const __m256 first = _mm256_castsi256_ps(_mm256_i32gather_epi64(base, _mm_loadu_si128(at), 4));
    const __m256 second = _mm256_castsi256_ps(_mm256_i32gather_epi64(base, _mm_loadu_si128(at + 1), 4));
    // Even and odd pixels of each half, whose quarters are then brought into order.
    const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0)));
    const __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(first, second, _MM_SHUFFLE(3, 1, 3, 1)));
    constexpr int kOrder = _MM_SHUFFLE(3, 1, 2, 0);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(left + done), _mm256_permute4x64_epi64(even, kOrder));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(right + done), _mm256_permute4x64_epi64(odd, kOrder));
  }
  return done;
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

PENSTOCK_AVX512 int gather_avx512(const uint32_t* pixels, const int32_t* places, int count, const PlanarRow& row) {
  // Channels together: within each quarter, then across all.
  const __m512i by_channel =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i all_quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  int done = 0;
  for (; done + 16 <= count; done += 16) {
    const __m512i picked = _mm512_i32gather_epi32(_mm512_loadu_si512(places + done), pixels, 4);
    const __m512i planes = _mm512_permutexvar_epi32(all_quarters, _mm512_shuffle_epi8(picked, by_channel));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row.red + done), _mm512_castsi512_si128(planes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row.green + done), _mm512_extracti32x4_epi32(planes, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(row.blue + done), _mm512_extracti32x4_epi32(planes, 2));
  }
  return done;
}

PENSTOCK_AVX512 int gather_pairs_avx512(const uint32_t* pixels, const int32_t* places, int count, uint32_t* left,
                                        uint32_t* right) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  int done = 0;
  for (; done + 16 <= count; done += 16) {
    const __m256i* const at = reinterpret_cast<const __m256i*>(places + done);
    const __m512i first = _mm512_i32gather_epi64(_mm256_loadu_si256(at), pixels, 4);
    const __m512i second = _mm512_i32gather_epi64(_mm256_loadu_si256(at + 1), pixels, 4);
    _mm512_storeu_si512(left + done, _mm512_permutex2var_epi32(first, even, second));
    _mm512_storeu_si512(right + done, _mm512_permutex2var_epi32(first, odd, second));
  }
  return done;
}

#endif

}  // namespace

void gather(SimdLevel level, const uint32_t* pixels, const int32_t* places, int count, const PlanarRow& row) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) {
    done = gather_avx512(pixels, places, count, row);
  } else if (level >= SimdLevel::kAvx2) {
    done = gather_avx2(pixels, places, count, row);
  }
#endif
  static_cast<void>(level);
  for (; done < count; ++done) {
    const uint32_t pixel = pixels[places[done]];
    row.red[done] = static_cast<uint8_t>(pixel);
    row.green[done] = static_cast<uint8_t>(pixel >> 8);
    row.blue[done] = static_cast<uint8_t>(pixel >> 16);
  }
}

void gather_pairs(SimdLevel level, const uint32_t* pixels, const int32_t* places, int count, uint32_t* left,
                  uint32_t* right) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) {
    done = gather_pairs_avx512(pixels, places, count, left, right);
  } else if (level >= SimdLevel::kAvx2) {
    done = gather_pairs_avx2(pixels, places, count, left, right);
  }
#endif
  static_cast<void>(level);
  for (; done < count; ++done) {
    left[done] = pixels[places[done]];
    right[done] = pixels[places[done] + 1];
  }
}

}  // namespace penstock

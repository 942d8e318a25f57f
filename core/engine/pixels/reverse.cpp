#include "engine/pixels/reverse.h"

#include <algorithm>

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: takes whole vectors from the start of `row`, and returns how many values those are.
PENSTOCK_AVX2 size_t reverse_avx2(const uint8_t* row, size_t count, uint8_t* out) {
  const __m256i backwards =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  size_t done = 0;
  for (; done + 32 <= count; done += 32) {
    const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + done));
    const __m256i halves = _mm256_shuffle_epi8(values, backwards);
    const __m256i reversed = _mm256_permute4x64_epi64(halves, _MM_SHUFFLE(1, 0, 3, 2));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + count - done - 32), reversed);
  }
  return done;
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

struct Backwards {
  uint8_t from[64];
};

constexpr Backwards make_backwards() {
  Backwards places{};
  for (int i = 0; i < 64; ++i) places.from[i] = static_cast<uint8_t>(63 - i);
  return places;
}

alignas(64) constexpr Backwards kBackwards = make_backwards();

// SAFETY: as reverse_avx2.
PENSTOCK_AVX512 size_t reverse_avx512(const uint8_t* row, size_t count, uint8_t* out) {
  const __m512i backwards = _mm512_load_si512(kBackwards.from);
  size_t done = 0;
  for (; done + 64 <= count; done += 64) {
    const __m512i values = _mm512_loadu_si512(row + done);
    _mm512_storeu_si512(out + count - done - 64, _mm512_permutexvar_epi8(backwards, values));
  }
  return done;
}

#endif

}  // namespace

void reverse_row(SimdLevel level, const uint8_t* row, size_t count, uint8_t* out) {
  size_t done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) {
    done = reverse_avx512(row, count, out);
  }
  if (level >= SimdLevel::kAvx2) {
    done += reverse_avx2(row + done, count - done, out);
  }
#endif
  static_cast<void>(level);
  std::reverse_copy(row + done, row + count, out);
}

}  // namespace penstock

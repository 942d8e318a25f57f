#include "engine/look_up.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX2_KERNELS

PENSTOCK_AVX2 inline __m256i load_eight(const uint8_t* values) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
}

PENSTOCK_AVX2 inline __m256i find(const uint8_t* values, const float* table) {
  return _mm256_castps_si256(_mm256_i32gather_ps(table, load_eight(values), sizeof(float)));
}

PENSTOCK_AVX2 inline __m256i find_eight(const uint8_t* values, const uint16_t* table) {
  const __m256i words = _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), load_eight(values), 2);
  return _mm256_and_si256(words, _mm256_set1_epi32(0xFFFF));
}

PENSTOCK_AVX2 inline __m256i find(const uint8_t* values, const uint16_t* table) {
  const __m256i words = _mm256_packus_epi32(find_eight(values, table), find_eight(values + 8, table));
  return _mm256_permute4x64_epi64(words, 0xD8);
}

// SAFETY: takes whole cache lines of the result, and returns how many items it wrote. Reads 4 bytes at table[255].
template <typename Item>
PENSTOCK_AVX2 int look_up_lines(const uint8_t* values, int count, const Item* table, Item* out) {
  constexpr int kVector = 32 / sizeof(Item), kLine = 2 * kVector;
  const bool whole_lines = reinterpret_cast<uintptr_t>(out) % 64 == 0;
  int x = 0;
  for (; x + kLine <= count; x += kLine) {
    const __m256i left = find(values + x, table), right = find(values + x + kVector, table);
    __m256i* const to = reinterpret_cast<__m256i*>(out + x);
    if (whole_lines) {
      _mm256_stream_si256(to, left);
      _mm256_stream_si256(to + 1, right);
    } else {
      _mm256_storeu_si256(to, left);
      _mm256_storeu_si256(to + 1, right);
    }
  }
  return x;
}

#endif

template <typename Item>
void look_up_items(SimdLevel level, const uint8_t* values, int count, const Item* table, Item* out) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) done = look_up_lines(values, count, table, out);
#endif
  static_cast<void>(level);
  for (int x = done; x < count; ++x) out[x] = table[values[x]];
}

}  // namespace

void look_up(SimdLevel level, const uint8_t* values, int count, const ByteTable<float>& table, float* out) {
  look_up_items(level, values, count, table.data(), out);
}

void look_up(SimdLevel level, const uint8_t* values, int count, const ByteTable<uint16_t>& table, uint16_t* out) {
  look_up_items(level, values, count, table.data(), out);
}

void finish_look_ups(SimdLevel level) {
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) _mm_sfence();
#endif
  static_cast<void>(level);
}

}  // namespace penstock

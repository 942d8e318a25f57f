#include "engine/colour/byte_tables.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: changes whole vectors of `count` values and returns how many values those are.
PENSTOCK_AVX2 size_t look_up_avx2(const ByteTable& table, uint8_t* values, size_t count) {
  __m256i rows[16];  // of 16 entries, in both halves
  for (int row = 0; row < 16; ++row) {
    rows[row] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(&table[16 * row])));
  }
  size_t done = 0;
  for (; done + 32 <= count; done += 32) {
    __m256i* const place = reinterpret_cast<__m256i*>(values + done);
    __m256i index = _mm256_loadu_si256(place);
    __m256i found = _mm256_setzero_si256();
    for (const __m256i& row : rows) {
      // An index below 16 picks from this row; saturated, any other has its highest bit set, which picks 0.
      const __m256i picks = _mm256_adds_epu8(index, _mm256_set1_epi8(0x70));
      found = _mm256_or_si256(found, _mm256_shuffle_epi8(row, picks));
      index = _mm256_sub_epi8(index, _mm256_set1_epi8(16));
    }
    _mm256_storeu_si256(place, found);
  }
  return done;
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// SAFETY: as look_up_avx2.
PENSTOCK_AVX512 size_t look_up_avx512(const ByteTable& table, uint8_t* values, size_t count) {
  __m512i rows[4];  // of 64 entries
  for (int row = 0; row < 4; ++row) rows[row] = _mm512_loadu_si512(&table[64 * row]);
  size_t done = 0;
  for (; done + 64 <= count; done += 64) {
    const __m512i index = _mm512_loadu_si512(values + done);
    const __m512i low = _mm512_permutex2var_epi8(rows[0], index, rows[1]);
    const __m512i high = _mm512_permutex2var_epi8(rows[2], index, rows[3]);
    _mm512_storeu_si512(values + done, _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high));
  }
  return done;
}

#endif

}  // namespace

void ChannelTables::clear() {
  tables_.fill(identity_table());
  changes_ = false;
}

void ChannelTables::follow(int channel, const ByteTable& next) {
  for (uint8_t& entry : tables_[channel]) entry = next[entry];
  changes_ = true;
}

void ChannelTables::follow(const ByteTable& next) {
  for (int channel = 0; channel < 3; ++channel) follow(channel, next);
}

void look_up(SimdLevel level, const ByteTable& table, uint8_t* values, size_t count) {
  size_t done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) {
    done = look_up_avx512(table, values, count);
  } else if (level >= SimdLevel::kAvx2) {
    done = look_up_avx2(table, values, count);
  }
#endif
  static_cast<void>(level);
  for (; done < count; ++done) values[done] = table[values[done]];
}

}  // namespace penstock

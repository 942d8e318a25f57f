#include "engine/colour/value_counter.h"

#include <cstring>

#include "engine/colour/at_level.h"
#include "engine/little_endian.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

constexpr size_t kValues = 256;

// A processor stores one number a cycle, so that values are counted by twos. The table of pairs has one byte each, and
// fits a first-level cache but for noise; what does not fit a byte goes to the histogram at once.
void count_pair(const uint8_t* values, uint8_t* pairs, Histogram& histogram) {
  if (__builtin_expect(++pairs[u16_at(values)] == 0, 0)) {
    histogram[values[0]] += 256;
    histogram[values[1]] += 256;
  }
}

// Counts all values but the last of an odd number. Neighbours are often alike: from two places by turns, an entry
// seldom waits for the count just before it to be stored.
void count_pairs(const uint8_t* values, size_t count, uint8_t* pairs, Histogram& histogram) {
  constexpr size_t kPairs = 4;  // from one place
  const size_t half = count / (4 * kPairs) * (2 * kPairs);
  for (size_t i = 0; i < half; i += 2 * kPairs) {
    for (size_t k = i; k < i + 2 * kPairs; k += 2) {
      count_pair(values + k, pairs, histogram);
      count_pair(values + half + k, pairs, histogram);
    }
  }
  for (size_t i = 2 * half; i + 2 <= count; i += 2) count_pair(values + i, pairs, histogram);
}

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// As `add_pairs`.
PENSTOCK_AVX512 void add_pairs_avx512(uint8_t* pairs, Histogram& histogram) {
  constexpr size_t kVectors = 4;  // of a row
  const __m512i zero = _mm512_setzero_si512();
  // Sums of 16 bits: of both bytes, the second 256 times, modulo 65536; and of the second, which 256 rows can't exceed.
  __m512i both[kVectors] = {zero, zero, zero, zero}, second[kVectors] = {zero, zero, zero, zero};
  for (size_t value = 0; value < kValues; ++value) {
    uint8_t* const row = pairs + kValues * value;
    __m512i counts[kVectors];
    for (size_t k = 0; k < kVectors; ++k) counts[k] = _mm512_loadu_si512(row + 64 * k);
    const __m512i any = _mm512_or_si512(_mm512_or_si512(counts[0], counts[1]), _mm512_or_si512(counts[2], counts[3]));
    if (_mm512_test_epi64_mask(any, any) == 0) continue;
    __m512i sum = zero;
    for (size_t k = 0; k < kVectors; ++k) {
      sum = _mm512_add_epi64(sum, _mm512_sad_epu8(counts[k], zero));
      both[k] = _mm512_add_epi16(both[k], counts[k]);
      second[k] = _mm512_add_epi16(second[k], _mm512_srli_epi16(counts[k], 8));
      _mm512_storeu_si512(row + 64 * k, zero);
    }
    histogram[value] += static_cast<uint32_t>(_mm512_reduce_add_epi64(sum));
  }
  for (size_t k = 0; k < kVectors; ++k) {
    uint16_t firsts[32], seconds[32];
    _mm512_storeu_si512(firsts, _mm512_sub_epi16(both[k], _mm512_slli_epi16(second[k], 8)));
    _mm512_storeu_si512(seconds, second[k]);
    for (size_t i = 0; i < 32; ++i) {
      histogram[64 * k + 2 * i] += firsts[i];
      histogram[64 * k + 2 * i + 1] += seconds[i];
    }
  }
}

#endif

// Adds the pairs that are in the table, and makes it 0: a row is for those with the same second value.
PENSTOCK_INLINE inline void add_pairs(uint8_t* pairs, Histogram& histogram) {
  constexpr size_t kWords = kValues / 8;
  constexpr uint64_t kFirsts = 0x00FF00FF00FF00FF, kOnes = 0x0001000100010001;
  uint64_t firsts[kWords] = {}, seconds[kWords] = {};  // four sums of 16 bits, which 256 rows can't exceed
  for (size_t value = 0; value < kValues; ++value) {
    uint8_t* const row = pairs + kValues * value;
    uint64_t words[kWords];
    for (size_t k = 0; k < kWords; ++k) words[k] = u64_at(row + 8 * k);
    uint64_t any = 0;
    for (const uint64_t word : words) any |= word;
    if (any == 0) continue;
    uint64_t sums = 0;
    for (size_t k = 0; k < kWords; ++k) {
      const uint64_t first = words[k] & kFirsts, second = words[k] >> 8 & kFirsts;
      firsts[k] += first;
      seconds[k] += second;
      sums += first + second;
    }
    histogram[value] += static_cast<uint32_t>(sums * kOnes >> 48);
    std::memset(row, 0, kValues);
  }
  for (size_t i = 0; i < kValues; ++i) {
    const uint64_t word = (i % 2 == 0 ? firsts : seconds)[i / 8];
    histogram[i] += static_cast<uint16_t>(word >> 16 * (i / 2 % 4));
  }
}

}  // namespace

Histogram ValueCounter::count(SimdLevel level, const uint8_t* values, size_t count) {
  if (pairs_ == nullptr) pairs_ = std::make_unique<Pairs>();
  uint8_t* const pairs = pairs_->counts.data();
  Histogram histogram{};
  count_pairs(values, count, pairs, histogram);
  if (count % 2 != 0) ++histogram[values[count - 1]];
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level >= SimdLevel::kAvx512) {
    add_pairs_avx512(pairs, histogram);
    return histogram;
  }
#endif
  Histogram* const sum = &histogram;
  at_level(level, [=]() PENSTOCK_INLINE { add_pairs(pairs, *sum); });
  return histogram;
}

}  // namespace penstock

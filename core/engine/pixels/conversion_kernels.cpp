#include "engine/pixels/conversion_kernels.h"

#include <cmath>
#include <cstring>

#include "engine/pixels/half.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

float divided(float value, float divisor, float reciprocal) {
  const float near = value * reciprocal;
  return std::fma(std::fma(-near, divisor, value), reciprocal, near);
}

// Whether a multiplication by the reciprocal and one correction (Markstein, "Computation of elementary functions on the
// IBM RISC System/6000 processor", 1990) give the table, bit for bit; they do unless something overflows.
bool can_multiply(const ByteConversion<float>& by) {
  for (int value = 0; value < 256; ++value) {
    const float scaled = divided(static_cast<float>(value), by.steps.divisor, by.per_divisor);
    const float result = divided(scaled - by.steps.mean, by.steps.deviation, by.per_deviation);
    if (std::memcmp(&result, &by.table[value], sizeof result) != 0) return false;
  }
  return true;
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

PENSTOCK_AVX2 inline __m256i load_eight(const uint8_t* values) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
}

PENSTOCK_AVX2 inline __m256i look_up(const uint8_t* values, const float* table) {
  return _mm256_castps_si256(_mm256_i32gather_ps(table, load_eight(values), sizeof(float)));
}

PENSTOCK_AVX2 inline __m256i look_up_eight(const uint8_t* values, const uint16_t* table) {
  const __m256i words = _mm256_i32gather_epi32(reinterpret_cast<const int*>(table), load_eight(values), 2);
  return _mm256_and_si256(words, _mm256_set1_epi32(0xFFFF));
}

PENSTOCK_AVX2 inline __m256i look_up(const uint8_t* values, const uint16_t* table) {
  const __m256i words = _mm256_packus_epi32(look_up_eight(values, table), look_up_eight(values + 8, table));
  return _mm256_permute4x64_epi64(words, 0xD8);
}

// The steps, with reciprocals, in every lane.
struct StepsAvx2 {
  __m256 divisor, per_divisor, mean, deviation, per_deviation;

  template <typename Item>
  PENSTOCK_AVX2 explicit StepsAvx2(const ByteConversion<Item>& by)
      : divisor(_mm256_set1_ps(by.steps.divisor)),
        per_divisor(_mm256_set1_ps(by.per_divisor)),
        mean(_mm256_set1_ps(by.steps.mean)),
        deviation(_mm256_set1_ps(by.steps.deviation)),
        per_deviation(_mm256_set1_ps(by.per_deviation)) {}
};

PENSTOCK_AVX2 inline __m256 divided(__m256 value, __m256 divisor, __m256 reciprocal) {
  const __m256 near = _mm256_mul_ps(value, reciprocal);
  return _mm256_fmadd_ps(_mm256_fnmadd_ps(near, divisor, value), reciprocal, near);
}

PENSTOCK_AVX2 inline __m256 calculate(const uint8_t* values, const StepsAvx2& steps) {
  const __m256 value = _mm256_cvtepi32_ps(load_eight(values));
  const __m256 centred = _mm256_sub_ps(divided(value, steps.divisor, steps.per_divisor), steps.mean);
  return divided(centred, steps.deviation, steps.per_deviation);
}

PENSTOCK_AVX2 inline __m256i calculate_vector(const uint8_t* values, const StepsAvx2& steps, float) {
  return _mm256_castps_si256(calculate(values, steps));
}

PENSTOCK_AVX2 inline __m256i calculate_vector(const uint8_t* values, const StepsAvx2& steps, uint16_t) {
  const __m128i left = _mm256_cvtps_ph(calculate(values, steps), _MM_FROUND_TO_NEAREST_INT);
  const __m128i right = _mm256_cvtps_ph(calculate(values + 8, steps), _MM_FROUND_TO_NEAREST_INT);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(left), right, 1);
}

PENSTOCK_AVX2 inline void store_line(void* out, bool whole_lines, __m256i left, __m256i right) {
  __m256i* const to = static_cast<__m256i*>(out);
  if (whole_lines) {
    _mm256_stream_si256(to, left);
    _mm256_stream_si256(to + 1, right);
  } else {
    _mm256_storeu_si256(to, left);
    _mm256_storeu_si256(to + 1, right);
  }
}

bool is_line(const void* place) { return reinterpret_cast<uintptr_t>(place) % 64 == 0; }

// SAFETY: take as many values as fill whole cache lines, and return how many. Read 4 bytes at table[255].
template <typename Item>
PENSTOCK_AVX2 int convert_avx2(const uint8_t* values, int count, const ByteConversion<Item>& by, Item* out) {
  constexpr int kVector = 32 / sizeof(Item), kLine = 2 * kVector;
  const bool whole_lines = is_line(out), divides_exactly = by.divides_exactly;
  const StepsAvx2 steps(by);
  const Item* const table = by.table.data();
  int x = 0;
  for (; divides_exactly && x + kLine <= count; x += kLine) {
    const __m256i left = calculate_vector(values + x, steps, Item{});
    const __m256i right = calculate_vector(values + x + kVector, steps, Item{});
    store_line(out + x, whole_lines, left, right);
  }
  for (; x + kLine <= count; x += kLine) {
    store_line(out + x, whole_lines, look_up(values + x, table), look_up(values + x + kVector, table));
  }
  return x;
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

struct StepsAvx512 {
  __m512 divisor, per_divisor, mean, deviation, per_deviation;

  template <typename Item>
  PENSTOCK_AVX512 explicit StepsAvx512(const ByteConversion<Item>& by)
      : divisor(_mm512_set1_ps(by.steps.divisor)),
        per_divisor(_mm512_set1_ps(by.per_divisor)),
        mean(_mm512_set1_ps(by.steps.mean)),
        deviation(_mm512_set1_ps(by.steps.deviation)),
        per_deviation(_mm512_set1_ps(by.per_deviation)) {}
};

PENSTOCK_AVX512 inline __m512 divided(__m512 value, __m512 divisor, __m512 reciprocal) {
  const __m512 near = _mm512_mul_ps(value, reciprocal);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(near, divisor, value), reciprocal, near);
}

PENSTOCK_AVX512 inline __m512 calculate(const uint8_t* values, const StepsAvx512& steps) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  const __m512 value = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
  const __m512 centred = _mm512_sub_ps(divided(value, steps.divisor, steps.per_divisor), steps.mean);
  return divided(centred, steps.deviation, steps.per_deviation);
}

PENSTOCK_AVX512 inline __m512i calculate_line(const uint8_t* values, const StepsAvx512& steps, float) {
  return _mm512_castps_si512(calculate(values, steps));
}

PENSTOCK_AVX512 inline __m512i calculate_line(const uint8_t* values, const StepsAvx512& steps, uint16_t) {
  const __m256i left = _mm512_cvtps_ph(calculate(values, steps), _MM_FROUND_TO_NEAREST_INT);
  const __m256i right = _mm512_cvtps_ph(calculate(values + 16, steps), _MM_FROUND_TO_NEAREST_INT);
  return _mm512_inserti64x4(_mm512_castsi256_si512(left), right, 1);
}

// SAFETY: as convert_avx2.
template <typename Item>
PENSTOCK_AVX512 int convert_avx512(const uint8_t* values, int count, const ByteConversion<Item>& by, Item* out) {
  constexpr int kLine = 64 / sizeof(Item);
  const bool whole_lines = is_line(out);
  const StepsAvx512 steps(by);
  int x = 0;
  for (; x + kLine <= count; x += kLine) {
    const __m512i line = calculate_line(values + x, steps, Item{});
    if (whole_lines) {
      _mm512_stream_si512(reinterpret_cast<__m512i*>(out + x), line);
    } else {
      _mm512_storeu_si512(out + x, line);
    }
  }
  return x;
}

#endif

template <typename Item>
void convert(SimdLevel level, const uint8_t* values, int count, const ByteConversion<Item>& by, Item* out) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level >= SimdLevel::kAvx512 && by.divides_exactly) done = convert_avx512(values, count, by, out);
#endif
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2 && done == 0) done = convert_avx2(values, count, by, out);
#endif
  static_cast<void>(level);
  for (int x = done; x < count; ++x) out[x] = by.table[values[x]];
}

}  // namespace

ByteConversion<float> floats_by(const ConversionSteps& steps) {
  ByteConversion<float> by;
  by.steps = steps;
  by.per_divisor = 1 / steps.divisor;
  by.per_deviation = 1 / steps.deviation;
  for (int value = 0; value < 256; ++value) {
    const float scaled = static_cast<float>(value) / steps.divisor;
    by.table[value] = (scaled - steps.mean) / steps.deviation;
  }
  by.divides_exactly = can_multiply(by);
  return by;
}

ByteConversion<uint16_t> halves_by(const ConversionSteps& steps) {
  const ByteConversion<float> floats = floats_by(steps);
  ByteConversion<uint16_t> by;
  by.divides_exactly = floats.divides_exactly;
  by.steps = steps;
  by.per_divisor = floats.per_divisor;
  by.per_deviation = floats.per_deviation;
  for (int value = 0; value < 256; ++value) by.table[value] = half_bits(floats.table[value]);
  return by;
}

void convert_bytes(SimdLevel level, const uint8_t* values, int count, const ByteConversion<float>& by, float* out) {
  convert(level, values, count, by, out);
}

void convert_bytes(SimdLevel level, const uint8_t* values, int count, const ByteConversion<uint16_t>& by,
                   uint16_t* out) {
  convert(level, values, count, by, out);
}

void finish_conversions(SimdLevel level) {
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) _mm_sfence();
#endif
  static_cast<void>(level);
}

}  // namespace penstock

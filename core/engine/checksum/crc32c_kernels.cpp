#include "engine/checksum/crc32c_kernels.h"

#ifdef PENSTOCK_HAS_CRC32C_KERNELS

#include <immintrin.h>

#include <array>
#include <cstring>

#include "engine/checksum/crc32c_polynomial.h"

#define PENSTOCK_SSE42 __attribute__((target("sse4.2")))
#define PENSTOCK_VPCLMULQDQ __attribute__((target("avx512f,avx512vl,vpclmulqdq,pclmul,sse4.2")))

namespace penstock {
namespace {

// --- three stretches at a time

// shift[k][b]: what byte k of the register, with value b, becomes after `bytes` zero bytes.
using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ShiftTable make_shift(uint64_t bytes) {
  ShiftTable table{};
  const uint32_t power = power_of_x(8 * bytes);
  for (uint32_t k = 0; k < 4; ++k) {
    // Linear: the rest of a byte's values are sums of those with one bit.
    for (uint32_t bit = 1; bit < 256; bit *= 2) {
      const uint32_t moved = multiply(bit << 8 * k, power);
      for (uint32_t rest = 0; rest < bit; ++rest) table[k][bit + rest] = table[k][rest] ^ moved;
    }
  }
  return table;
}

constexpr size_t kLongStretch = 1360;  // three of them are just within 4 KB
constexpr size_t kShortStretch = 168;
constexpr ShiftTable kLongShift = make_shift(kLongStretch);
constexpr ShiftTable kShortShift = make_shift(kShortStretch);

uint64_t shifted(const ShiftTable& table, uint64_t state) {
  return table[0][state & 0xFF] ^ table[1][state >> 8 & 0xFF] ^ table[2][state >> 16 & 0xFF] ^
         table[3][state >> 24 & 0xFF];
}

uint64_t load64(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// The register after three stretches from `p` on.
template <size_t kStretch>
PENSTOCK_SSE42 uint64_t three_stretches(uint64_t state, const uint8_t* p, const ShiftTable& shift) {
  static_assert(kStretch % 8 == 0, "whole words");
  uint64_t second = 0;
  uint64_t third = 0;
  for (const uint8_t* const end = p + kStretch; p != end; p += 8) {
    state = _mm_crc32_u64(state, load64(p));
    second = _mm_crc32_u64(second, load64(p + kStretch));
    third = _mm_crc32_u64(third, load64(p + 2 * kStretch));
  }
  return shifted(shift, shifted(shift, state) ^ second) ^ third;
}

// --- folding

// A register's worth of 16 bytes, moved on by `bits`, is low * x^(bits + 32) + high * x^(bits - 32) modulo the
// polynomial; as products of reflected polynomials are one bit short, the constants are doubled.
struct Fold {
  constexpr explicit Fold(uint64_t bits)
      : low(static_cast<int64_t>(uint64_t{power_of_x(bits + 32)} << 1)),
        high(static_cast<int64_t>(uint64_t{power_of_x(bits - 32)} << 1)) {}

  int64_t low;
  int64_t high;
};

constexpr Fold kFold2048(2048);
constexpr Fold kFold512(512);
constexpr Fold kFold384(384);
constexpr Fold kFold256(256);
constexpr Fold kFold128(128);

PENSTOCK_VPCLMULQDQ inline __m512i multiplier(Fold fold) {
  return _mm512_set_epi64(fold.high, fold.low, fold.high, fold.low, fold.high, fold.low, fold.high, fold.low);
}

// `sum` moved on by what `by` stands for, plus `next`.
PENSTOCK_VPCLMULQDQ inline __m512i folded(__m512i sum, __m512i by, __m512i next) {
  constexpr int kXorOfThree = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, by, 0x00), _mm512_clmulepi64_epi128(sum, by, 0x11),
                                   next, kXorOfThree);
}

// The register after the 64 bytes of `sum`.
PENSTOCK_VPCLMULQDQ inline uint64_t reduced(__m512i sum) {
  const __m512i by =
      _mm512_set_epi64(0, 0, kFold128.high, kFold128.low, kFold256.high, kFold256.low, kFold384.high, kFold384.low);
  alignas(64) uint64_t parts[8];
  _mm512_store_si512(parts, folded(sum, by, _mm512_maskz_mov_epi64(0xC0, sum)));  // the last one stays where it is
  const uint64_t state = _mm_crc32_u64(0, parts[0] ^ parts[2] ^ parts[4] ^ parts[6]);
  return _mm_crc32_u64(state, parts[1] ^ parts[3] ^ parts[5] ^ parts[7]);
}

}  // namespace

PENSTOCK_SSE42 uint32_t crc32c_sse42(uint32_t before, Bytes data) {
  uint64_t state = before;
  const uint8_t* p = data.data;
  size_t left = data.size;
  for (; left >= 3 * kLongStretch; p += 3 * kLongStretch, left -= 3 * kLongStretch) {
    state = three_stretches<kLongStretch>(state, p, kLongShift);
  }
  for (; left >= 3 * kShortStretch; p += 3 * kShortStretch, left -= 3 * kShortStretch) {
    state = three_stretches<kShortStretch>(state, p, kShortShift);
  }
  for (; left >= 8; p += 8, left -= 8) state = _mm_crc32_u64(state, load64(p));
  for (; left > 0; ++p, --left) state = _mm_crc32_u8(static_cast<uint32_t>(state), *p);
  return static_cast<uint32_t>(state);
}

PENSTOCK_VPCLMULQDQ uint32_t crc32c_vpclmulqdq(uint32_t before, Bytes data) {
  constexpr size_t kStep = 64;
  const uint8_t* p = data.data;
  size_t left = data.size;
  if (left < 4 * kStep) return crc32c_sse42(before, data);
  const auto load = [&p](size_t i) PENSTOCK_VPCLMULQDQ { return _mm512_loadu_si512(p + i * kStep); };
  __m512i sums[4] = {load(0), load(1), load(2), load(3)};
  sums[0] = _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(before))));
  const __m512i far = multiplier(kFold2048);
  for (p += 4 * kStep, left -= 4 * kStep; left >= 4 * kStep; p += 4 * kStep, left -= 4 * kStep) {
    for (size_t i = 0; i < 4; ++i) sums[i] = folded(sums[i], far, load(i));
  }
  const __m512i near = multiplier(kFold512);
  __m512i sum = sums[0];
  for (size_t i = 1; i < 4; ++i) sum = folded(sum, near, sums[i]);
  for (; left >= kStep; p += kStep, left -= kStep) sum = folded(sum, near, load(0));
  return crc32c_sse42(static_cast<uint32_t>(reduced(sum)), {p, left});
}

bool has_vpclmulqdq() {
  static const bool has = __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("pclmul");
  return has;
}

}  // namespace penstock

#endif

// IEEE 754 binary16.
#pragma once

#include <cstdint>
#include <cstring>

namespace penstock {

// The bits of `value` rounded to the nearest binary16, ties to even, as numpy and the processors round.
inline uint16_t half_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00);   // not a number
  if (magnitude >= 0x477FF000) return static_cast<uint16_t>(sign | 0x7C00);  // 65520 and above round to infinity
  const uint32_t exponent = magnitude >> 23;
  // A half has 13 fewer bits of fraction, and below 2^-14 (exponent 113) one less per power of two.
  const uint32_t dropped = exponent >= 113 ? 13 : 13 + 113 - exponent;
  if (dropped > 24) return static_cast<uint16_t>(sign);
  const uint32_t fraction = exponent >= 113 ? magnitude - (112u << 23) : (magnitude & 0x7FFFFF) | 0x800000;
  const uint32_t kept = fraction >> dropped;
  const uint32_t rest = fraction & ((1u << dropped) - 1);
  const uint32_t tie = 1u << (dropped - 1);
  const bool up = rest > tie || (rest == tie && (kept & 1) != 0);
  return static_cast<uint16_t>(sign | (kept + up));
}

}  // namespace penstock

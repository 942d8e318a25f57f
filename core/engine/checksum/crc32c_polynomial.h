// Arithmetic modulo the Castagnoli polynomial, in which CRC-32C is defined. Polynomials are reflected: the highest bit
// is the coefficient of x^0.
#pragma once

#include <cstdint>

namespace penstock {

constexpr uint32_t kCastagnoli = 0x82F63B78;  // without x^32

// value * x.
constexpr uint32_t times_x(uint32_t value) { return (value >> 1) ^ ((value & 1) != 0 ? kCastagnoli : 0); }

constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = uint32_t{1} << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = times_x(b);
  }
  return product;
}

// x^exponent.
constexpr uint32_t power_of_x(uint64_t exponent) {
  uint32_t power = uint32_t{1} << 31;
  uint32_t square = uint32_t{1} << 30;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

}  // namespace penstock

// Bytes to floats and halves.
#pragma once

#include <array>
#include <cstdint>

#include "engine/simd.h"

namespace penstock {

// v becomes (v / divisor - mean) / deviation, rounded to float32 at each step.
struct ConversionSteps {
  float divisor = 1;
  float mean = 0;
  float deviation = 1;
};

// What every value of a byte becomes, as floats or as the bits of halves.
template <typename Item>
struct ByteConversion {
  std::array<Item, 257> table{};  // one item more than there are values: kernels read four bytes for a half
  // Whether kernels may divide by multiplying with the reciprocals.
  bool divides_exactly = false;
  ConversionSteps steps;
  float per_divisor = 1;
  float per_deviation = 1;
};

// Neither throws; `divides_exactly` is found out by trying all values.
ByteConversion<float> floats_by(const ConversionSteps& steps);
ByteConversion<uint16_t> halves_by(const ConversionSteps& steps);

// Writes what `count` values become. Whole cache lines of the result go past the caches (a batch has left them before
// it is read, and fetching the lines first would double the traffic): finish_conversions() comes before another thread
// reads them.
void convert_bytes(SimdLevel level, const uint8_t* values, int count, const ByteConversion<float>& by, float* out);
void convert_bytes(SimdLevel level, const uint8_t* values, int count, const ByteConversion<uint16_t>& by,
                   uint16_t* out);
void finish_conversions(SimdLevel level);

}  // namespace penstock

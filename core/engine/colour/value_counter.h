// How often each value occurs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/simd.h"

namespace penstock {

using Histogram = std::array<uint32_t, 256>;

// Keeps its table between images. Not thread-safe.
class ValueCounter {
 public:
  Histogram count(SimdLevel level, const uint8_t* values, size_t count);

 private:
  std::vector<uint8_t> pairs_;  // how often each pair of neighbours occurs, modulo 256; 0 between calls
};

}  // namespace penstock

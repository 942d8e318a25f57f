// How often each value occurs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/simd.h"

namespace penstock {

using Histogram = std::array<uint32_t, 256>;

// Keeps its table between images. Not thread-safe.
class ValueCounter {
 public:
  Histogram count(SimdLevel level, const uint8_t* values, size_t count);

 private:
  struct alignas(64) Pairs {
    std::array<uint8_t, 65536> counts;
  };

  std::unique_ptr<Pairs> pairs_;  // how often each pair of neighbours occurs, modulo 256; 0 between calls
};

}  // namespace penstock

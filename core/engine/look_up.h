// Bytes to numbers, by table.
#pragma once

#include <array>
#include <cstdint>

#include "engine/simd.h"

namespace penstock {

// What each value of a byte becomes; one item more, because kernels read four bytes for two.
template <typename Item>
using ByteTable = std::array<Item, 257>;

// out[x] = table[values[x]] for `count` values; halves are 16 bits of any meaning. Whole cache lines of the result go
// past the caches (results of a batch are read when they have left them, and fetching the lines first would double the
// traffic): finish_look_ups() comes before another thread reads them.
void look_up(SimdLevel level, const uint8_t* values, int count, const ByteTable<float>& table, float* out);
void look_up(SimdLevel level, const uint8_t* values, int count, const ByteTable<uint16_t>& table, uint16_t* out);
void finish_look_ups(SimdLevel level);

}  // namespace penstock

// Rows from right to left.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/simd.h"

namespace penstock {

// Writes the `count` values of `row` in the opposite order. `out` overlaps none of them.
void reverse_row(SimdLevel level, const uint8_t* row, size_t count, uint8_t* out);

}  // namespace penstock

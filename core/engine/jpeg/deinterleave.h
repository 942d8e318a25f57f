// RGB pixels of one row to three planes.
#pragma once

#include <array>
#include <cstdint>

#include "engine/simd.h"

namespace penstock {

// Writes `width` bytes to each of `planes`, nothing beyond; reads nothing beyond the row.
void deinterleave(SimdLevel level, const uint8_t* rgb, int width, const std::array<uint8_t*, 3>& planes);

}  // namespace penstock

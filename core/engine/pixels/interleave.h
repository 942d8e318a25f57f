// Three planes of bytes to RGB pixels.
#pragma once

#include <array>
#include <cstdint>

#include "engine/simd.h"

namespace penstock {

// Writes `width` pixels, and nothing beyond; reads nothing beyond the rows.
void interleave(SimdLevel level, const std::array<const uint8_t*, 3>& planes, int width, uint8_t* rgb);

}  // namespace penstock

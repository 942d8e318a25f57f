// Picks single pixels of a packed image. The portable kernels and their twins give the same.
#pragma once

#include <cstdint>

#include "engine/simd.h"

namespace penstock {

// One row of an image in planes.
struct PlanarRow {
  uint8_t* red;
  uint8_t* green;
  uint8_t* blue;
};

// Takes pixels[places[i]] apart into place i of the row, for each i below `count`.
void gather(SimdLevel level, const uint32_t* pixels, const int32_t* places, int count, const PlanarRow& row);

// left[i] = pixels[places[i]] and right[i] = pixels[places[i] + 1].
void gather_pairs(SimdLevel level, const uint32_t* pixels, const int32_t* places, int count, uint32_t* left,
                  uint32_t* right);

}  // namespace penstock

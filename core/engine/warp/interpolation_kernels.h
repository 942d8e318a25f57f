// The inner loops of warps: a row of a result from the pixels of a packed image.
#pragma once

#include <cstdint>

#include "engine/geometry.h"
#include "engine/simd.h"
#include "engine/step.h"
#include "engine/warp/packed_image.h"

namespace penstock {

// One row of a planar image.
struct PlanarRow {
  uint8_t* red;
  uint8_t* green;
  uint8_t* blue;
  int width;
};

inline PlanarRow row_of(const PlanarImage& image, int y) {
  const size_t offset = static_cast<size_t>(y) * image.size.width;
  return {image.plane(0) + offset, image.plane(1) + offset, image.plane(2) + offset, image.size.width};
}

// For each pixel of a row, what it is made from: in the packed image, the place of the top left one of the pixels
// around, and the shares of the way to the next pixel, to the right and down.
struct Neighbourhoods {
  int32_t* places;
  double* across;
  double* down;
};

// Of row `y` of an image of this size, which lies in `packed` with a border of 1 (bilinear) or 2 (bicubic).
void find_neighbourhoods(SimdLevel level, const Step& warp, Size size, int y, const PackedImage& packed,
                         const Neighbourhoods& row);

// Copies the pixels at these places.
void pick(SimdLevel level, const uint32_t* pixels, const int32_t* places, const PlanarRow& row);

// From 2x2 pixels; fractions are cut off.
void interpolate_bilinear(SimdLevel level, const PackedImage& packed, const Neighbourhoods& from, const PlanarRow& row);

// From 4x4 pixels; fractions are cut off.
void interpolate_bicubic(SimdLevel level, const PackedImage& packed, const Neighbourhoods& from, const PlanarRow& row);

}  // namespace penstock

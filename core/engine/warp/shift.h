// Warps that move whole rows by whole pixels: no pixel is looked up on its own.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/geometry.h"
#include "engine/step.h"

namespace penstock {

// Row y of the result is row y + down of the image, from x = (across + y * lean) / 2^16, rounded down, on.
struct Shift {
  int64_t across;
  int64_t lean;
  int64_t down;
};

// What `warp` amounts to in Pillow's arithmetic, if it is a shift of an image of `size`: translations by whole pixels
// under every filter, and shears along the rows where pixels are not interpolated.
std::optional<Shift> shift_of(const Step& warp, Size size);

void apply_shift(const Shift& shift, const std::array<uint8_t, 3>& fill, const PlanarImage& image);

}  // namespace penstock

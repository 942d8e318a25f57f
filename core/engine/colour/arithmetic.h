// Pillow's arithmetic on single values.
#pragma once

#include <cstdint>

#include "engine/colour/at_level.h"

namespace penstock {

// Pillow's `Image.blend` (src/libImaging/Blend.c): from `from` (alpha 0) to `to` (alpha 1) and beyond, cut off.
PENSTOCK_INLINE inline uint8_t blended(int from, int to, float alpha) {
  float value = static_cast<float>(from) + alpha * static_cast<float>(to - from);
  value = value > 0.0F ? value : 0.0F;
  value = value < 255.0F ? value : 255.0F;
  return static_cast<uint8_t>(static_cast<int>(value));
}

// Pillow's conversion from "RGB" to "L" (src/libImaging/Convert.c): ITU-R 601-2 luma.
PENSTOCK_INLINE inline int grey_of(int red, int green, int blue) {
  return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}

}  // namespace penstock

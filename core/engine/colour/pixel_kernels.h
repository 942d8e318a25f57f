// Ops on whole pixels, each on its own. All work in place.
#pragma once

#include "engine/simd.h"
#include "engine/step.h"

namespace penstock {

// All channels become the luma.
void make_grey(SimdLevel level, const PlanarImage& image);

// Pillow's `ImageEnhance.Color`: from the luma (0) to the pixel (1) and beyond.
void change_saturation(SimdLevel level, float factor, const PlanarImage& image);

// Adds `shift` to the hue of Pillow's "HSV", modulo 256, as torchvision's adjust_hue does.
void shift_hue(SimdLevel level, uint8_t shift, const PlanarImage& image);

struct HslShift {
  int hue, saturation, lightness;
};

// Adds to the hue (0 to 180), saturation and lightness (0 to 255) of OpenCV's "HLS", and cuts off what is beyond.
void shift_hsl(SimdLevel level, HslShift shift, const PlanarImage& image);

}  // namespace penstock

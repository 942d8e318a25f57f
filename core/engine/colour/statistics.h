// What some colour ops need to know of an image before they change it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/simd.h"
#include "engine/step.h"

namespace penstock {

struct Extremes {
  int lowest;
  int highest;
};

// Of `count` values, at least one.
Extremes find_extremes(SimdLevel level, const uint8_t* values, size_t count);

// The mean of the image's luma, rounded half up.
int mean_grey(SimdLevel level, const PlanarImage& image);

}  // namespace penstock

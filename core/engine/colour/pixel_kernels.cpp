#include "engine/colour/pixel_kernels.h"

#include <algorithm>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"

namespace penstock {

void make_grey(SimdLevel level, const PlanarImage& image) {
  const size_t count = image.plane_pixels();
  uint8_t *const reds = image.plane(0), *const greens = image.plane(1), *const blues = image.plane(2);
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = reds, * __restrict green = greens, * __restrict blue = blues;
    for (size_t i = 0; i < count; ++i) {
      const auto grey = static_cast<uint8_t>(grey_of(red[i], green[i], blue[i]));
      red[i] = green[i] = blue[i] = grey;
    }
  });
}

void change_saturation(SimdLevel level, float factor, const PlanarImage& image) {
  const size_t count = image.plane_pixels();
  uint8_t *const reds = image.plane(0), *const greens = image.plane(1), *const blues = image.plane(2);
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = reds, * __restrict green = greens, * __restrict blue = blues;
    for (size_t i = 0; i < count; ++i) {
      const int grey = grey_of(red[i], green[i], blue[i]);
      red[i] = blended(grey, red[i], factor);
      green[i] = blended(grey, green[i], factor);
      blue[i] = blended(grey, blue[i], factor);
    }
  });
}

}  // namespace penstock

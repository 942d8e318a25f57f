// Pillow's conversions between "RGB" and "HSV" (src/libImaging/Convert.c), step by step with its mixture of floats and
// doubles, so that every value is Pillow's.
#include <algorithm>
#include <cstdint>

#include "engine/colour/at_level.h"
#include "engine/colour/pixel_kernels.h"

namespace penstock {
namespace {

struct Hsv {
  int hue, saturation, value;
};

struct Rgb {
  int red, green, blue;
};

PENSTOCK_INLINE inline Hsv to_hsv(int red, int green, int blue) {
  const int highest = std::max(red, std::max(green, blue)), lowest = std::min(red, std::min(green, blue));
  const bool grey = highest == lowest;
  const auto range = static_cast<float>(grey ? 1 : highest - lowest);
  const float saturation = range / static_cast<float>(highest > 0 ? highest : 1);
  const float from_red = static_cast<float>(highest - red) / range;
  const float from_green = static_cast<float>(highest - green) / range;
  const float from_blue = static_cast<float>(highest - blue) / range;
  // Float differences are widened after they were rounded, sums with a constant are rounded once.
  const float at_red = from_blue - from_green;
  const auto at_green = static_cast<float>(2.0 + static_cast<double>(from_red) - static_cast<double>(from_blue));
  const auto at_blue = static_cast<float>(4.0 + static_cast<double>(from_green) - static_cast<double>(from_red));
  const float sector = red == highest ? at_red : green == highest ? at_green : at_blue;
  const double turned = static_cast<double>(sector) / 6.0 + 1.0;  // below 2
  const auto turn = static_cast<float>(turned >= 1.0 ? turned - 1.0 : turned);
  const int hue = static_cast<int>(static_cast<double>(turn) * 255.0);
  const int strength = static_cast<int>(static_cast<double>(saturation) * 255.0);
  return {grey ? 0 : hue, grey ? 0 : strength, highest};
}

// A positive number, halves upwards.
PENSTOCK_INLINE inline int rounded(double value) { return static_cast<int>(value + 0.5); }

PENSTOCK_INLINE inline Rgb to_rgb(const Hsv& pixel) {
  const int sector = pixel.hue * 6 / 255;
  const double turn = static_cast<double>(pixel.hue) * 6.0 / 255.0;
  const auto rest = static_cast<float>(turn - static_cast<double>(sector));
  const auto saturation = static_cast<float>(static_cast<double>(pixel.saturation) / 255.0);
  const auto value = static_cast<double>(pixel.value);
  const int low = rounded(value * (1.0 - static_cast<double>(saturation)));
  const int falling = rounded(value * (1.0 - static_cast<double>(saturation * rest)));
  const int rising = rounded(value * (1.0 - static_cast<double>(saturation) * (1.0 - static_cast<double>(rest))));
  const int high = pixel.value;
  // Sector 6 is sector 0.
  const int red = sector == 1 ? falling : sector == 2 || sector == 3 ? low : sector == 4 ? rising : high;
  const int green = sector == 1 || sector == 2  ? high
                    : sector == 3               ? falling
                    : sector >= 4 && sector < 6 ? low
                                                : rising;
  const int blue = sector == 2 ? rising : sector == 3 || sector == 4 ? high : sector == 5 ? falling : low;
  return {red, green, blue};
}

}  // namespace

void shift_hue(SimdLevel level, uint8_t shift, const ColourImage& image) {
  const size_t count = image.plane_pixels();
  uint8_t *const reds = image.plane(0), *const greens = image.plane(1), *const blues = image.plane(2);
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = reds, * __restrict green = greens, * __restrict blue = blues;
    for (size_t i = 0; i < count; ++i) {
      Hsv pixel = to_hsv(red[i], green[i], blue[i]);
      pixel.hue = (pixel.hue + shift) & 255;
      const Rgb result = to_rgb(pixel);
      red[i] = static_cast<uint8_t>(result.red);
      green[i] = static_cast<uint8_t>(result.green);
      blue[i] = static_cast<uint8_t>(result.blue);
    }
  });
}

}  // namespace penstock

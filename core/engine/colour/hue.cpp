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

// All bits of `value` where `condition` holds: chosen without a branch, so that loops can be vectorised.
PENSTOCK_INLINE inline int where(bool condition, int value) { return -static_cast<int>(condition) & value; }

PENSTOCK_INLINE inline Hsv to_hsv(int red, int green, int blue) {
  const int highest = std::max(red, std::max(green, blue)), lowest = std::min(red, std::min(green, blue));
  const int range = highest - lowest;
  const bool at_red = red == highest;
  const bool at_green = !at_red & (green == highest);
  const bool at_blue = !at_red & !at_green;
  // The hue is how far two channels are from the highest, from where that is on the circle of six sectors.
  const int start = where(at_green, 2) | where(at_blue, 4);
  const int ahead = highest - (where(at_red, blue) | where(at_green, red) | where(at_blue, green));
  const int behind = highest - (where(at_red, green) | where(at_green, blue) | where(at_blue, red));
  const auto divisor = static_cast<float>(range + static_cast<int>(range == 0));
  const float further = static_cast<float>(ahead) / divisor, nearer = static_cast<float>(behind) / divisor;
  const auto sector =
      static_cast<float>(static_cast<double>(start) + static_cast<double>(further) - static_cast<double>(nearer));
  const double turned = static_cast<double>(sector) / 6.0 + 1.0;  // from 0 to 2
  const auto turn = static_cast<float>(turned - static_cast<double>(static_cast<int>(turned)));
  const float saturation = static_cast<float>(range) / static_cast<float>(highest + static_cast<int>(highest == 0));
  const int hue = static_cast<int>(static_cast<double>(turn) * 255.0);
  const int strength = static_cast<int>(static_cast<double>(saturation) * 255.0);
  return {hue, strength, highest};
}

// A positive number, halves upwards.
PENSTOCK_INLINE inline int rounded(double value) { return static_cast<int>(value + 0.5); }

PENSTOCK_INLINE inline Rgb to_rgb(const Hsv& pixel) {
  const int sixfold = pixel.hue * 6;
  const int sector = (sixfold * 257 + 257) >> 16;  // divided by 255
  const double turn = static_cast<double>(sixfold) / 255.0;
  const auto rest = static_cast<float>(turn - static_cast<double>(sector));
  const float saturation = static_cast<float>(pixel.saturation) / 255.0F;
  const auto value = static_cast<double>(pixel.value);
  const int low = rounded(value * (1.0 - static_cast<double>(saturation)));
  const int falling = rounded(value * (1.0 - static_cast<double>(saturation * rest)));
  const int rising = rounded(value * (1.0 - static_cast<double>(saturation) * (1.0 - static_cast<double>(rest))));
  const int high = pixel.value;
  const int place = sector - where(sector == 6, 6);
  const bool at_0 = place == 0, at_1 = place == 1, at_2 = place == 2, at_3 = place == 3, at_4 = place == 4,
             at_5 = place == 5;
  const int red = where(at_0, high) | where(at_1, falling) | where(at_2, low) | where(at_3, low) | where(at_4, rising) |
                  where(at_5, high);
  const int green = where(at_0, rising) | where(at_1, high) | where(at_2, high) | where(at_3, falling) |
                    where(at_4, low) | where(at_5, low);
  const int blue = where(at_0, low) | where(at_1, low) | where(at_2, rising) | where(at_3, high) | where(at_4, high) |
                   where(at_5, falling);
  return {red, green, blue};
}

}  // namespace

void shift_hue(SimdLevel level, uint8_t shift, const PlanarImage& image) {
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

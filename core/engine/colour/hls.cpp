// OpenCV's conversions between "RGB" and "HLS" of bytes, with its float32 arithmetic. The hue is in steps of 2 degrees.
#include <algorithm>
#include <cstdint>

#include "engine/colour/at_level.h"
#include "engine/colour/pixel_kernels.h"

namespace penstock {
namespace {

constexpr float kLevel = 1.0F / 255.0F;
constexpr float kSector = 6.0F / 180.0F;
constexpr int kHighestHue = 180;

struct Hls {
  int hue, lightness, saturation;
};

struct Rgb {
  int red, green, blue;
};

// All bits of `value` where `condition` holds: chosen without a branch, so that loops can be vectorised.
PENSTOCK_INLINE inline int where(bool condition, int value) { return -static_cast<int>(condition) & value; }

// 1 where `condition` holds, else 0: a factor that chooses without a branch, and exactly.
PENSTOCK_INLINE inline float one_where(bool condition) { return static_cast<float>(static_cast<int>(condition)); }

PENSTOCK_INLINE inline float level(int value) { return static_cast<float>(value) * kLevel; }

// The nearest whole number, halves to the even neighbour, of numbers that are small: so many binary places are left.
PENSTOCK_INLINE inline int rounded(float value) {
  constexpr float kWholeNumbers = 12582912.0F;
  return static_cast<int>(value + kWholeNumbers - kWholeNumbers);
}

PENSTOCK_INLINE inline Hls to_hls(int red, int green, int blue) {
  const int most = std::max(red, std::max(green, blue)), least = std::min(red, std::min(green, blue));
  const bool grey = most == least;  // then hue and saturation are 0, whatever else is computed
  const float highest = level(most), lowest = level(least), range = highest - lowest + one_where(grey);
  const float sum = highest + lowest;
  const float dark = one_where(sum < 1.0F), bright = 1.0F - dark;
  const float possible = dark * sum + bright * (2.0F - highest - lowest) + one_where(grey);
  const bool at_red = red == most;
  const bool at_green = !at_red & (green == most);
  const bool at_blue = !at_red & !at_green;
  const int ahead = where(at_red, green) | where(at_green, blue) | where(at_blue, red);
  const int behind = where(at_red, blue) | where(at_green, red) | where(at_blue, green);
  const auto start = static_cast<float>(where(at_green, 60) | where(at_blue, 120));
  const float turned = (level(ahead) - level(behind)) * (30.0F / range) + start;
  const float hue = turned + 180.0F * one_where(turned < 0.0F);
  return {where(!grey, rounded(hue)), rounded(sum * 0.5F * 255.0F), where(!grey, rounded(range / possible * 255.0F))};
}

PENSTOCK_INLINE inline Rgb to_rgb(const Hls& pixel) {
  const float lightness = level(pixel.lightness), saturation = level(pixel.saturation);
  const float dark = one_where(lightness <= 0.5F), bright = 1.0F - dark;
  const float highest =
      dark * (lightness * (1.0F + saturation)) + bright * (lightness + saturation - lightness * saturation);
  const float lowest = 2.0F * lightness - highest, range = highest - lowest;
  const float turned = static_cast<float>(pixel.hue) * kSector;
  const float hue = turned - 6.0F * one_where(turned >= 6.0F);
  const int sector = static_cast<int>(hue);
  const float rest = hue - static_cast<float>(sector);
  const int high = rounded(highest * 255.0F), low = rounded(lowest * 255.0F);
  const int rising = rounded((lowest + range * rest) * 255.0F);
  const int falling = rounded((lowest + range * (1.0F - rest)) * 255.0F);
  const bool at_0 = sector == 0, at_1 = sector == 1, at_2 = sector == 2, at_3 = sector == 3, at_4 = sector == 4,
             at_5 = sector == 5;
  return {where(at_0 | at_5, high) | where(at_1, falling) | where(at_2 | at_3, low) | where(at_4, rising),
          where(at_1 | at_2, high) | where(at_3, falling) | where(at_4 | at_5, low) | where(at_0, rising),
          where(at_3 | at_4, high) | where(at_5, falling) | where(at_0 | at_1, low) | where(at_2, rising)};
}

PENSTOCK_INLINE inline int limited(int value, int highest) { return std::min(std::max(value, 0), highest); }

}  // namespace

void shift_hsl(SimdLevel level, HslShift shift, const PlanarImage& image) {
  const size_t count = image.plane_pixels();
  uint8_t *const reds = image.plane(0), *const greens = image.plane(1), *const blues = image.plane(2);
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = reds, * __restrict green = greens, * __restrict blue = blues;
    for (size_t i = 0; i < count; ++i) {
      const Hls pixel = to_hls(red[i], green[i], blue[i]);
      const Rgb result =
          to_rgb({limited(pixel.hue + shift.hue, kHighestHue), limited(pixel.lightness + shift.lightness, 255),
                  limited(pixel.saturation + shift.saturation, 255)});
      red[i] = static_cast<uint8_t>(result.red);
      green[i] = static_cast<uint8_t>(result.green);
      blue[i] = static_cast<uint8_t>(result.blue);
    }
  });
}

}  // namespace penstock

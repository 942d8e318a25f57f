#include "engine/warp/interpolation_kernels.h"

#include "engine/colour/at_level.h"

namespace penstock {
namespace {

PENSTOCK_INLINE inline double channel_of(uint32_t pixel, int shift) {
  return static_cast<double>(static_cast<int32_t>(pixel >> shift & 255));
}

PENSTOCK_INLINE inline double linear(double first, double second, double share) {
  return first + (second - first) * share;
}

// Pillow's cubic through four values, at `share` of the way from the second to the third.
PENSTOCK_INLINE inline double cubic(const double (&v)[4], double share) {
  const double p2 = -v[0] + v[2];
  const double p3 = 2 * (v[0] - v[1]) + v[2] - v[3];
  const double p4 = -v[0] + v[1] - v[2] + v[3];
  return v[1] + share * (p2 + share * (p3 + share * p4));
}

PENSTOCK_INLINE inline uint8_t to_byte(double value) {
  const double least = value > 0 ? value : 0;
  return static_cast<uint8_t>(static_cast<int32_t>(least < 255 ? least : 255));
}

}  // namespace

void find_neighbourhoods(SimdLevel level, const Step& warp, Size size, int y, const PackedImage& packed,
                         const Neighbourhoods& row) {
  const double* const m = warp.values.data();
  const bool divides = warp.kind == StepKind::kPerspective;
  const int32_t taps_before = warp.interpolation == Interpolation::kBicubic ? 1 : 0;
  const int32_t stride = packed.stride(), beyond = packed.beyond();
  const int32_t origin = packed.origin() - taps_before * (stride + 1);
  const double vertical = y + 0.5;
  at_level(level, [=]() PENSTOCK_INLINE {
    int32_t* __restrict places = row.places;
    double* __restrict across = row.across, * __restrict down = row.down;
    const double a = m[0], d = m[3], g = m[6], c = m[2], f = m[5];
    const double b = m[1] * vertical, e = m[4] * vertical, h = m[7] * vertical;
    const double width = size.width, height = size.height;
    for (int i = 0; i < size.width; ++i) {
      const double horizontal = i + 0.5;
      const double divisor = divides ? g * horizontal + h + 1 : 1;
      const double at_x = (a * horizontal + b + c) / divisor, at_y = (d * horizontal + e + f) / divisor;
      const bool inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height);
      const double x = inside ? at_x - 0.5 : 0, y_inside = inside ? at_y - 0.5 : 0;
      // Rounded towards minus infinity; only what is above -1 comes here.
      const int32_t left = static_cast<int32_t>(x) - static_cast<int32_t>(x < 0);
      const int32_t top = static_cast<int32_t>(y_inside) - static_cast<int32_t>(y_inside < 0);
      across[i] = x - left;
      down[i] = y_inside - top;
      places[i] = inside ? origin + top * stride + left : beyond;
    }
  });
}

void pick(SimdLevel level, const uint32_t* pixels, const int32_t* places, const PlanarRow& row) {
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* __restrict red = row.red, * __restrict green = row.green, * __restrict blue = row.blue;
    for (int x = 0; x < row.width; ++x) {
      const uint32_t pixel = pixels[places[x]];
      red[x] = static_cast<uint8_t>(pixel);
      green[x] = static_cast<uint8_t>(pixel >> 8);
      blue[x] = static_cast<uint8_t>(pixel >> 16);
    }
  });
}

void interpolate_bilinear(SimdLevel level, const PackedImage& packed, const Neighbourhoods& from,
                          const PlanarRow& row) {
  const uint32_t* const pixels = packed.pixels();
  const int32_t stride = packed.stride();
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* const channels[3] = {row.red, row.green, row.blue};
    for (int x = 0; x < row.width; ++x) {
      const int32_t place = from.places[x];
      const uint32_t upper_left = pixels[place], upper_right = pixels[place + 1];
      const uint32_t lower_left = pixels[place + stride], lower_right = pixels[place + stride + 1];
      const double across = from.across[x], down = from.down[x];
      for (int channel = 0; channel < 3; ++channel) {
        const int shift = 8 * channel;
        const double upper = linear(channel_of(upper_left, shift), channel_of(upper_right, shift), across);
        const double lower = linear(channel_of(lower_left, shift), channel_of(lower_right, shift), across);
        channels[channel][x] = static_cast<uint8_t>(static_cast<int32_t>(linear(upper, lower, down)));
      }
    }
  });
}

void interpolate_bicubic(SimdLevel level, const PackedImage& packed, const Neighbourhoods& from, const PlanarRow& row) {
  const uint32_t* const pixels = packed.pixels();
  const int32_t stride = packed.stride();
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t* const channels[3] = {row.red, row.green, row.blue};
    for (int x = 0; x < row.width; ++x) {
      const uint32_t* const first = pixels + from.places[x];
      const double across = from.across[x], down = from.down[x];
      for (int channel = 0; channel < 3; ++channel) {
        double column[4];
        for (int y = 0; y < 4; ++y) {
          double line[4];
          for (int k = 0; k < 4; ++k) line[k] = channel_of(first[y * stride + k], 8 * channel);
          column[y] = cubic(line, across);
        }
        channels[channel][x] = to_byte(cubic(column, down));
      }
    }
  });
}

}  // namespace penstock

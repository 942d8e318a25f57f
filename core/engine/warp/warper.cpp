#include "engine/warp/warper.h"

#include "engine/colour/at_level.h"
#include "engine/simd.h"
#include "engine/warp/gather.h"

namespace penstock {
namespace {

// Takes a row of packed pixels apart.
void unpack(SimdLevel level, const uint32_t* row, int width, int y, const PlanarImage& image) {
  for (int channel = 0; channel < 3; ++channel) {
    uint8_t* const to = image.plane(channel) + static_cast<size_t>(y) * width;
    at_level(level, [=]() PENSTOCK_INLINE {
      const uint32_t* __restrict pixels = row;
      uint8_t* __restrict out = to;
      for (int x = 0; x < width; ++x) out[x] = static_cast<uint8_t>(pixels[x] >> (8 * channel));
    });
  }
}

}  // namespace

void Warper::apply(const Step& warp, const PlanarImage& image) {
  if (warp.interpolation == Interpolation::kNearest) {
    pick(warp, image);
  } else {
    interpolate(warp, image);
  }
}

void Warper::pick(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  const int width = image.size.width;
  packed_.pack(level, image, 0, warp.fill);
  nearest_.begin(level, warp, image.size, packed_);
  int32_t* const places = places_.reserve(static_cast<size_t>(width));
  uint32_t* const picked = picked_.reserve(static_cast<size_t>(width));
  for (int y = 0; y < image.size.height; ++y) {
    nearest_.next_row(places);
    gather(level, packed_.pixels(), places, width, picked);
    unpack(level, picked, width, y, image);
  }
}

void Warper::interpolate(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  packed_.pack(level, image, Interpolator::border(warp.interpolation), warp.fill);
  interpolator_.begin(level, warp, image.size, packed_);
  for (int y = 0; y < image.size.height; ++y) interpolator_.write_row(y, image);
}

}  // namespace penstock

#include "engine/warp/warper.h"

#include "engine/simd.h"
#include "engine/warp/gather.h"

namespace penstock {
void Warper::apply(const Step& warp, const PlanarImage& image) {
  if (warp.interpolation != Interpolation::kNearest) {
    interpolate(warp, image);
  } else {
    pick(warp, image);
  }
}

void Warper::pick(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  const int width = image.size.width;
  packed_.pack(level, image, 0, warp.fill);
  nearest_.begin(level, warp, image.size);
  int32_t* const places = places_.reserve(static_cast<size_t>(width));
  for (int y = 0; y < image.size.height; ++y) {
    nearest_.next_row(places);
    const size_t offset = static_cast<size_t>(y) * width;
    gather(level, packed_.pixels(), places, width,
           {image.plane(0) + offset, image.plane(1) + offset, image.plane(2) + offset});
  }
}

void Warper::interpolate(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  packed_.pack(level, image, Interpolator::border(warp.interpolation), warp.fill);
  interpolator_.begin(level, warp, image.size, packed_);
  for (int y = 0; y < image.size.height; ++y) interpolator_.write_row(y, image);
}

}  // namespace penstock

#include "engine/warp/warper.h"

#include "engine/colour/at_level.h"
#include "engine/warp/interpolation_kernels.h"

namespace penstock {

void Warper::apply(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  const auto width = static_cast<size_t>(image.size.width);
  if (warp.interpolation != Interpolation::kNearest) return interpolate(warp, image);
  packed_.pack(level, image, 0, warp.fill);
  nearest_.begin(level, warp, image.size, packed_);
  int32_t* const places = places_.reserve(width);
  for (int y = 0; y < image.size.height; ++y) {
    nearest_.next_row(places);
    pick(level, packed_.pixels(), places, row_of(image, y));
  }
}

void Warper::interpolate(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  const auto width = static_cast<size_t>(image.size.width);
  const bool cubic = warp.interpolation == Interpolation::kBicubic;
  packed_.pack(level, image, cubic ? 2 : 1, warp.fill);
  int32_t* const places = places_.reserve(width);
  double* const shares = shares_.reserve(2 * width);
  const Neighbourhoods row{places, shares, shares + width};
  for (int y = 0; y < image.size.height; ++y) {
    find_neighbourhoods(level, warp, image.size, y, packed_, row);
    if (cubic) {
      interpolate_bicubic(level, packed_, row, row_of(image, y));
    } else {
      interpolate_bilinear(level, packed_, row, row_of(image, y));
    }
  }
}

}  // namespace penstock

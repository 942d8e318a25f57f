#include "engine/warp/warper.h"

#include <algorithm>
#include <cstring>

#include "engine/simd.h"
#include "engine/warp/gather.h"

namespace penstock {
namespace {

// Writes a row of `width` pixels that shows `from`, of as many, from pixel `offset` on, with `fill` beside it.
void write_slid(const uint8_t* from, int offset, int width, uint8_t fill, uint8_t* to) {
  const int begin = std::clamp(-offset, 0, width), end = std::clamp(width - offset, begin, width);
  std::memset(to, fill, static_cast<size_t>(begin));
  if (begin < end) std::memcpy(to + begin, from + begin + offset, static_cast<size_t>(end - begin));
  std::memset(to + end, fill, static_cast<size_t>(width - end));
}

}  // namespace

void Warper::apply(const Step& warp, const PlanarImage& image) {
  if (warp.interpolation != Interpolation::kNearest) {
    interpolate(warp, image);
    return;
  }
  nearest_.begin(simd_level(), warp, image.size);
  if (nearest_.slides()) {
    slide(warp, image);
  } else {
    pick(warp, image);
  }
}

void Warper::slide(const Step& warp, const PlanarImage& image) {
  const auto [height, width] = image.size;
  uint8_t* const original = original_.reserve(3 * image.plane_pixels());
  std::memcpy(original, image.data, 3 * image.plane_pixels());
  for (int y = 0; y < height; ++y) {
    const NearestPlaces::Slide slide = nearest_.next_slide();
    for (int channel = 0; channel < 3; ++channel) {
      const size_t plane = channel * image.plane_pixels();
      uint8_t* const to = image.data + plane + static_cast<size_t>(y) * width;
      // A row of none of the image's pixels is one that has slid out of sight.
      const uint8_t* const from = original + plane + static_cast<size_t>(std::max(0, slide.row)) * width;
      write_slid(from, slide.row < 0 ? width : slide.offset, width, warp.fill[channel], to);
    }
  }
}

void Warper::pick(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  const int width = image.size.width;
  packed_.pack(level, image, 0, warp.fill);
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

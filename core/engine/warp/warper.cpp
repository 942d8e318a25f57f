#include "engine/warp/warper.h"

#include "engine/simd.h"
#include "engine/warp/gather.h"

namespace penstock {
namespace {

PlanarRow row_of(const PlanarImage& image, int y) {
  const size_t offset = static_cast<size_t>(y) * image.size.width;
  return {image.plane(0) + offset, image.plane(1) + offset, image.plane(2) + offset};
}

}  // namespace

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
  const auto* const pixels = reinterpret_cast<const uint8_t*>(packed_.pixels());
  constexpr int kPixelBytes = sizeof(uint32_t);
  if (pick_lines(level, warp, {pixels, image.size, ptrdiff_t{width} * kPixelBytes, kPixelBytes}, image)) return;
  int32_t* const places = places_.reserve(static_cast<size_t>(width));
  for (int y = 0; y < image.size.height; ++y) {
    nearest_.next_row(places);
    gather(level, packed_.pixels(), places, width, row_of(image, y));
  }
}

bool Warper::pick_from(const Step& warp, const Pixels& from, const PlanarImage& to) {
  if (warp.interpolation != Interpolation::kNearest) return false;
  const SimdLevel level = simd_level();
  nearest_.begin(level, warp, to.size);
  return pick_lines(level, warp, {from.data, from.size, from.stride, 3}, to);
}

// Whether there is a kernel for this; writes all rows then.
bool Warper::pick_lines(SimdLevel level, const Step& warp, const PixelGrid& grid, const PlanarImage& to) {
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level < SimdLevel::kAvx512 || !nearest_.has_lines() || !picks_lines(grid)) return false;
  for (int y = 0; y < to.size.height; ++y) pick_line_avx512(grid, nearest_.next_line(), warp.fill, row_of(to, y));
  return true;
#else
  static_cast<void>(level), static_cast<void>(warp), static_cast<void>(grid), static_cast<void>(to);
  return false;
#endif
}

void Warper::interpolate(const Step& warp, const PlanarImage& image) {
  const SimdLevel level = simd_level();
  packed_.pack(level, image, Interpolator::border(warp.interpolation), warp.fill);
  interpolator_.begin(level, warp, image.size, packed_);
  for (int y = 0; y < image.size.height; ++y) interpolator_.write_row(y, image);
}

}  // namespace penstock

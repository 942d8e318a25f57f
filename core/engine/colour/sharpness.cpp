#include <algorithm>
#include <cstring>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"
#include "engine/colour/neighbour_kernels.h"

namespace penstock {

void Sharpness::apply(SimdLevel level, float factor, const PlanarImage& image) {
  // Pillow leaves the outermost pixels as they are.
  if (image.size.width < 3 || image.size.height < 3) return;
  for (int channel = 0; channel < 3; ++channel) apply_to_plane(level, factor, image.plane(channel), image.size);
}

void Sharpness::apply_to_plane(SimdLevel level, float factor, uint8_t* plane, Size size) {
  const auto width = static_cast<size_t>(size.width);
  uint8_t* above_row = rows_.reserve(2 * width);  // as the image was, before it changed
  uint8_t* here_row = above_row + width;
  uint16_t* const columns = columns_.reserve(width);
  std::memcpy(above_row, plane, width);
  for (int y = 1; y + 1 < size.height; ++y) {
    uint8_t* const row = plane + static_cast<size_t>(y) * width;
    std::memcpy(here_row, row, width);
    at_level(level, [=]() PENSTOCK_INLINE {
      const uint8_t* __restrict above = above_row, * __restrict here = here_row, * __restrict below = row + width;
      uint16_t* __restrict three = columns;
      uint8_t* __restrict out = row;
      for (size_t x = 0; x < width; ++x) three[x] = static_cast<uint16_t>(above[x] + here[x] + below[x]);
      for (size_t x = 1; x + 1 < width; ++x) {
        // (1 1 1; 1 5 1; 1 1 1) / 13, rounded; no sum is half way. The factor is 2^16 / 13: exact for these sums.
        const auto sum = static_cast<uint16_t>(three[x - 1] + three[x] + three[x + 1] + 4 * here[x] + 6);
        const auto smooth = static_cast<uint16_t>((sum * 5042U) >> 16);
        out[x] = blended(smooth, here[x], factor);
      }
    });
    std::swap(above_row, here_row);
  }
}

}  // namespace penstock

#include "engine/colour/statistics.h"

#include <algorithm>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"

namespace penstock {

Extremes find_extremes(SimdLevel level, const uint8_t* values, size_t count) {
  Extremes found{};
  Extremes* const result = &found;
  at_level(level, [=]() PENSTOCK_INLINE {
    uint8_t lowest = 255, highest = 0;
    for (size_t i = 0; i < count; ++i) {
      lowest = std::min(lowest, values[i]);
      highest = std::max(highest, values[i]);
    }
    *result = {lowest, highest};
  });
  return found;
}

int mean_grey(SimdLevel level, const PlanarImage& image) {
  constexpr size_t kPiece = size_t{1} << 16;  // sums of so many fit 32 bits
  uint64_t total = 0;
  const size_t count = image.plane_pixels();
  for (size_t first = 0; first < count; first += kPiece) {
    const size_t piece = std::min(kPiece, count - first);
    const uint8_t *const red = image.plane(0) + first, *const green = image.plane(1) + first,
                         *const blue = image.plane(2) + first;
    uint32_t sum = 0;
    uint32_t* const result = &sum;
    at_level(level, [=]() PENSTOCK_INLINE {
      uint32_t partial = 0;
      for (size_t i = 0; i < piece; ++i) partial += static_cast<uint32_t>(grey_of(red[i], green[i], blue[i]));
      *result = partial;
    });
    total += sum;
  }
  return static_cast<int>(static_cast<double>(total) / static_cast<double>(count) + 0.5);
}

}  // namespace penstock

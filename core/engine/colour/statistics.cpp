#include "engine/colour/statistics.h"

#include <algorithm>
#include <cstring>

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

Histogram count_values(const uint8_t* values, size_t count) {
  // Neighbours are often equal: counting each in a table of its own, none waits for the one before.
  constexpr size_t kTables = 8;
  static thread_local std::array<Histogram, kTables> tables;
  tables.fill({});
  size_t i = 0;
  for (; i + kTables <= count; i += kTables) {
    uint64_t eight = 0;
    std::memcpy(&eight, values + i, sizeof eight);
    for (size_t k = 0; k < kTables; ++k) ++tables[k][eight >> (8 * k) & 255];
  }
  for (; i < count; ++i) ++tables[0][values[i]];
  Histogram sum{};
  for (const Histogram& table : tables) {
    for (size_t value = 0; value < sum.size(); ++value) sum[value] += table[value];
  }
  return sum;
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

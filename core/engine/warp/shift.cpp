#include "engine/warp/shift.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace penstock {
namespace {

constexpr double kUnit = 65536;  // Pillow's fixed point has 16 binary places

bool is_whole(double value) { return value == std::floor(value) && std::abs(value) < kUnit; }

int64_t to_fixed(double value) { return static_cast<int64_t>(std::floor(value * kUnit + 0.5)); }

// Whether Pillow computes in fixed point, which it does where coordinates fit.
bool fits_fixed(const std::array<double, 8>& m, Size size) {
  for (const int x : {0, size.width}) {
    for (const int y : {0, size.height}) {
      if (std::abs(x * m[0] + y * m[1] + m[2]) >= 32768 || std::abs(x * m[3] + y * m[4] + m[5]) >= 32768) return false;
    }
  }
  return true;
}

// `row` from the pixels of `source` that lie `across` further on; the two may be one.
void shift_row(const uint8_t* source, int64_t across, int width, uint8_t fill, uint8_t* row) {
  const int64_t first = std::clamp<int64_t>(-across, 0, width),
                last = std::clamp<int64_t>(width - across, first, width);
  if (last > first) std::memmove(row + first, source + first + across, static_cast<size_t>(last - first));
  std::fill(row, row + first, fill);
  std::fill(row + last, row + width, fill);
}

}  // namespace

std::optional<Shift> shift_of(const Step& warp, Size size) {
  const std::array<double, 8>& m = warp.values;
  if (warp.kind != StepKind::kAffine || m[0] != 1 || m[3] != 0 || m[4] != 1 || !is_whole(m[5])) return std::nullopt;
  const auto down = static_cast<int64_t>(m[5]);
  if (m[1] == 0 && is_whole(m[2])) return Shift{to_fixed(m[2]), 0, down};
  if (m[1] == 0 || warp.interpolation != Interpolation::kNearest || !fits_fixed(m, size)) return std::nullopt;
  return Shift{to_fixed(m[2] + 0.5 + m[1] * 0.5), to_fixed(m[1]), down};
}

void apply_shift(const Shift& shift, const std::array<uint8_t, 3>& fill, const PlanarImage& image) {
  const auto [height, width] = image.size;
  for (int channel = 0; channel < 3; ++channel) {
    uint8_t* const plane = image.plane(channel);
    for (int i = 0; i < height; ++i) {
      const int y = shift.down < 0 ? height - 1 - i : i;  // rows are read before they are written
      const int64_t source = y + shift.down, across = (shift.across + y * shift.lean) >> 16;
      uint8_t* const row = plane + static_cast<ptrdiff_t>(y) * width;
      if (source < 0 || source >= height) {
        std::fill_n(row, width, fill[channel]);
      } else {
        shift_row(plane + source * width, across, width, fill[channel], row);
      }
    }
  }
}

}  // namespace penstock

#include "engine/warp/packed_image.h"

#include <algorithm>
#include <cstring>

#include "engine/colour/at_level.h"

namespace penstock {

void PackedImage::pack(SimdLevel level, const PlanarImage& image, int border, const std::array<uint8_t, 3>& fill) {
  const auto [height, width] = image.size;
  border_ = border;
  stride_ = width + 2 * border;
  const auto stride = static_cast<size_t>(stride_);
  const size_t rows = static_cast<size_t>(height) + 2 * static_cast<size_t>(border);
  beyond_ = static_cast<int32_t>(rows * stride);
  uint32_t* const memory = memory_.reserve(rows * stride + (kMaxTaps - 1) * stride + kMaxTaps);
  uint32_t* const first = memory + border * stride;
  for (int y = 0; y < height; ++y) {
    const size_t offset = static_cast<size_t>(y) * width;
    const uint8_t* const red_row = image.plane(0) + offset;
    const uint8_t* const green_row = image.plane(1) + offset;
    const uint8_t* const blue_row = image.plane(2) + offset;
    uint32_t* const row = first + y * stride;
    const int count = width;
    uint32_t* const inner = row + border;
    at_level(level, [=]() PENSTOCK_INLINE {
      const uint8_t* __restrict red = red_row, * __restrict green = green_row, * __restrict blue = blue_row;
      uint32_t* __restrict out = inner;
      for (int x = 0; x < count; ++x) out[x] = uint32_t{red[x]} | uint32_t{green[x]} << 8 | uint32_t{blue[x]} << 16;
    });
    std::fill_n(row, border, inner[0]);
    std::fill_n(inner + width, border, inner[width - 1]);
  }
  for (int y = 0; y < border; ++y) {
    std::memcpy(memory + y * stride, first, stride * sizeof(uint32_t));
    std::memcpy(first + (height + y) * stride, first + (height - 1) * stride, stride * sizeof(uint32_t));
  }
  const uint32_t colour = uint32_t{fill[0]} | uint32_t{fill[1]} << 8 | uint32_t{fill[2]} << 16;
  std::fill_n(memory + beyond_, (kMaxTaps - 1) * stride + kMaxTaps, colour);
}

}  // namespace penstock

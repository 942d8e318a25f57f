#include "engine/erasing/eraser.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/erasing/noise.h"
#include "engine/pixels/half.h"

namespace penstock {
namespace {

// A number as it lies in the result. A checked program gives bytes whole numbers in their range.
template <typename Item>
Item item_of(float value) {
  return static_cast<Item>(value);
}

template <>
uint16_t item_of(float value) {
  return half_bits(value);
}

}  // namespace

void Eraser::erase(const Program& program, const double* row, Size size, MemoryFormat format, void* out) {
  erasures_.clear();
  for (size_t position = 0; position < program.ops().size(); ++position) {
    const Op& op = program.ops()[position];
    if (is_erasing(op.kind)) append_erasures(op, row + program.column_of(position), size, erasures_);
  }
  for (const Erasure& erasure : erasures_) {
    switch (program.dtype()) {
      case Dtype::kUint8:
        write(erasure, size, format, static_cast<uint8_t*>(out));
        break;
      case Dtype::kFloat32:
        write(erasure, size, format, static_cast<float*>(out));
        break;
      case Dtype::kFloat16:
        write(erasure, size, format, static_cast<uint16_t*>(out));
        break;
    }
  }
}

template <typename Item>
void Eraser::write(const Erasure& erasure, Size size, MemoryFormat format, Item* out) {
  const Rect rect = erasure.rect;
  const bool interleaved = format == MemoryFormat::kChannelsLast;
  const size_t plane = static_cast<size_t>(size.height) * size.width;
  const size_t pixel_step = interleaved ? 3 : 1, channel_step = interleaved ? 1 : plane;
  const auto width = static_cast<size_t>(rect.width);
  const std::array<Item, 3> items = {item_of<Item>(erasure.values[0]), item_of<Item>(erasure.values[1]),
                                     item_of<Item>(erasure.values[2])};
  float* const noise = erasure.noise ? noise_.reserve(3 * width) : nullptr;
  for (int y = 0; y < rect.height; ++y) {
    const size_t first = (static_cast<size_t>(rect.y) + y) * size.width + rect.x;
    if (noise != nullptr) normal_noise(*erasure.noise, static_cast<uint32_t>(y) * rect.width, width, noise);
    for (size_t channel = 0; channel < 3; ++channel) {
      Item* const to = out + first * pixel_step + channel * channel_step;
      if (noise != nullptr) {
        for (size_t x = 0; x < width; ++x) to[x * pixel_step] = item_of<Item>(noise[3 * x + channel]);
      } else if (interleaved) {
        for (size_t x = 0; x < width; ++x) to[3 * x] = items[channel];
      } else {
        std::fill(to, to + width, items[channel]);
      }
    }
  }
}

}  // namespace penstock

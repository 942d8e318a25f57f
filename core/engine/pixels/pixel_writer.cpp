#include "engine/pixels/pixel_writer.h"

#include "engine/pixels/interleave.h"
#include "engine/simd.h"

namespace penstock {

void PixelWriter::write(const Conversion& conversion, const Planes& planes, void* out) {
  if (conversion.dtype == Dtype::kUint8) {
    const size_t row_bytes = 3 * static_cast<size_t>(planes.size.width);
    for (int y = 0; y < planes.size.height; ++y) pixels_of_row(planes, y, static_cast<uint8_t*>(out) + y * row_bytes);
    return;
  }
  tables_.use(conversion);
  if (conversion.dtype == Dtype::kFloat32) {
    write_items(planes, tables_.floats(), static_cast<float*>(out));
  } else {
    write_items(planes, tables_.halves(), static_cast<uint16_t*>(out));
  }
}

const uint8_t* PixelWriter::pixels_of_row(const Planes& planes, int y, uint8_t* to) const {
  const ptrdiff_t at = y * planes.stride;
  interleave(simd_level(), {planes.data[0] + at, planes.data[1] + at, planes.data[2] + at}, planes.size.width, to);
  return to;
}

template <typename Item>
void PixelWriter::write_items(const Planes& planes, const std::array<ByteConversion<Item>, 3>& by, Item* out) {
  const int width = planes.size.width;
  uint8_t* const row = row_.reserve(3 * static_cast<size_t>(width));
  for (int y = 0; y < planes.size.height; ++y) {
    const uint8_t* pixel = pixels_of_row(planes, y, row);
    for (int x = 0; x < width; ++x, pixel += 3, out += 3) {
      for (int channel = 0; channel < 3; ++channel) out[channel] = by[channel].table[pixel[channel]];
    }
  }
}

}  // namespace penstock

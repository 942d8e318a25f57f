// From planes of bytes to the interleaved pixels of a channels-last result.
#pragma once

#include "engine/geometry.h"
#include "engine/pixels/convert.h"
#include "engine/scratch.h"

namespace penstock {

// Keeps its tables as long as the conversion is the same. Not thread-safe.
class PixelWriter {
 public:
  // Writes (size.height, size.width, 3) of the conversion's dtype, contiguous, to `out`, of planes of that size.
  void write(const Conversion& conversion, const Planes& planes, void* out);

 private:
  template <typename Item>
  void write_items(const Planes& planes, const std::array<ByteConversion<Item>, 3>& by, Item* out);
  const uint8_t* pixels_of_row(const Planes& planes, int y, uint8_t* to) const;

  ConversionTables tables_;
  Scratch<uint8_t> row_;
};

}  // namespace penstock

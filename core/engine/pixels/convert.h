// From rows of bytes to the planes of a result.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/geometry.h"
#include "engine/pixels/conversion_kernels.h"
#include "engine/program.h"
#include "engine/scratch.h"

namespace penstock {

// What becomes of a pixel's value v. As numpy would do it in float32, step by step: v / 255 if `scale`, then (v - mean)
// / std if `normalize`; float16 is that rounded to the nearest, ties to even. uint8 stays as it is.
struct Conversion {
  struct Normalization {
    std::array<float, 3> mean;
    std::array<float, 3> std;
  };

  Dtype dtype = Dtype::kUint8;
  bool scale = false;
  std::optional<Normalization> normalization;
};

Conversion conversion_of(const Program& program);

// What bytes become, by channel. Works it out once for a conversion.
class ConversionTables {
 public:
  void use(const Conversion& conversion);

  const std::array<ByteConversion<float>, 3>& floats() const { return floats_; }
  const std::array<ByteConversion<uint16_t>, 3>& halves() const { return halves_; }

 private:
  std::optional<Conversion> used_;
  std::array<ByteConversion<float>, 3> floats_;
  std::array<ByteConversion<uint16_t>, 3> halves_;
};

// Writes images as planes, row by row. Keeps its tables as long as the conversion is the same. Not thread-safe.
class PlaneWriter {
 public:
  // Begins (3, size.height, size.width) of the conversion's dtype, contiguous, at `out`: of the colour `fill`, but for
  // the rectangle `image` inside it, whose rows follow in any order. The rectangle may be empty.
  void begin(const Conversion& conversion, Size size, Rect image, const std::array<uint8_t, 3>& fill, void* out);

  // Where the bytes of a row of the image may be put together, before `write`: saves a copy where they stay bytes.
  uint8_t* row_memory(int channel, int y);

  // Writes row y of the image.
  void write(int channel, int y, const uint8_t* values);

  // After the last row: other threads may read the result from here on.
  void finish();

 private:
  template <typename Item>
  Item* place(int channel, int y) const;
  template <typename Item>
  void fill_border(const std::array<Item, 3>& colour);

  Dtype dtype_ = Dtype::kUint8;
  Size size_;
  Rect image_;
  void* out_ = nullptr;
  ConversionTables tables_;
  Scratch<uint8_t> row_;
};

}  // namespace penstock

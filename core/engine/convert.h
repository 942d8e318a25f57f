// From interleaved RGB bytes to the planes of a result.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/geometry.h"
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

// Writes images as planes. Keeps its tables as long as the conversion is the same. Not thread-safe.
class PlaneWriter {
 public:
  // Writes (3, size.height, size.width) of the conversion's dtype, contiguous, to `out`: `image` with its top left
  // corner at (left, top), and black around it. The image lies inside; it may be empty.
  void write(const Conversion& conversion, Pixels image, Size size, int left, int top, void* out);

 private:
  // What each value of each channel becomes.
  template <typename Item>
  using Tables = std::array<std::array<Item, 256>, 3>;

  template <typename Item>
  void write_items(const Tables<Item>& tables, Pixels image, Size size, int left, int top, Item* out);
  void fill_tables(const Conversion& conversion);

  std::optional<Conversion> tabulated_;
  Tables<float> floats_;
  Tables<uint16_t> halves_;
  Scratch<uint8_t> row_;
};

}  // namespace penstock

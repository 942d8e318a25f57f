// A copy of an image to pick single pixels from.
#pragma once

#include <array>
#include <cstdint>

#include "engine/geometry.h"
#include "engine/scratch.h"
#include "engine/simd.h"
#include "engine/step.h"

namespace penstock {

// A pixel is 32 bits: red, green << 8, blue << 16. Around the image its outermost pixels are repeated; behind it lies a
// block of the colour that is beyond it, to be picked from like any other.
class PackedImage {
 public:
  // The widest neighbourhood of a pixel that is picked at once.
  static constexpr int kMaxTaps = 4;

  // `border`: how often the outermost pixels are repeated.
  void pack(SimdLevel level, const PlanarImage& image, int border, const std::array<uint8_t, 3>& fill);

  const uint32_t* pixels() const { return memory_.get(); }
  int stride() const { return stride_; }
  // Where the pixel (0, 0) of the image is.
  int32_t origin() const { return border_ * stride_ + border_; }
  // Where the colour beyond begins: kMaxTaps pixels in as many rows.
  int32_t beyond() const { return beyond_; }

 private:
  Scratch<uint32_t> memory_;
  int border_ = 0;
  int stride_ = 0;
  int32_t beyond_ = 0;
};

}  // namespace penstock

// Ops whose pixels depend on the pixels around them. All work in place, and keep their scratch memory between images.
#pragma once

#include <vector>

#include "engine/scratch.h"
#include "engine/simd.h"
#include "engine/step.h"

namespace penstock {

// Pillow's `ImageEnhance.Sharpness`: from `ImageFilter.SMOOTH` (0) to the image (1) and beyond. Not thread-safe.
class Sharpness {
 public:
  void apply(SimdLevel level, float factor, const PlanarImage& image);

 private:
  void apply_to_plane(SimdLevel level, float factor, uint8_t* plane, Size size);

  Scratch<uint8_t> rows_;
  Scratch<uint16_t> columns_;
};

// torchvision's gaussian_blur: a Gaussian of as many taps as its kernel has, the image reflected at its edges without
// repeating them (as often as it takes), halves rounded to even. In float32: along the rows, then down the columns.
// Not thread-safe.
class GaussianBlur {
 public:
  struct Kernel {
    int width, height;  // odd
    double sigma;
  };

  void apply(SimdLevel level, const Kernel& kernel, const PlanarImage& image);

 private:
  void prepare(const Kernel& kernel);
  void blur_rows(SimdLevel level, const uint8_t* plane, Size size);
  void blur_columns(SimdLevel level, uint8_t* plane, Size size);

  std::vector<float> across_, down_;  // weights from the middle on
  std::vector<const float*> before_, after_;
  Scratch<float> padded_, between_;
};

}  // namespace penstock

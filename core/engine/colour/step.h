// What is done to the colours of one image, with everything drawn.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/geometry.h"

namespace penstock {

// With their values.
enum class ColourKind {
  kInvert,
  kSolarize,   // threshold
  kPosterize,  // bits
  kAutocontrast,
  kEqualize,
  kBrightness,  // factor
  kContrast,    // factor
  kSaturation,  // factor
  kHue,         // share of a turn
  kGrey,
  kSharpness,     // factor
  kGaussianBlur,  // width and height of the kernel, sigma
};

struct ColourStep {
  ColourKind kind;
  std::array<double, 3> values = {};
};

// Some of the steps of an image, one after the other.
struct ColourRange {
  size_t first = 0;
  size_t last = 0;  // one past the end

  bool empty() const { return first == last; }
};

// Three planes one after the other, red, green and blue, without gaps between rows; owned by somebody else.
struct ColourImage {
  uint8_t* data = nullptr;
  Size size;

  size_t plane_pixels() const { return static_cast<size_t>(size.height) * size.width; }
  uint8_t* plane(int channel) const { return data + channel * plane_pixels(); }
};

}  // namespace penstock

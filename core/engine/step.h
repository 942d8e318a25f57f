// What is done to the pixels of one image without changing its size, with everything drawn.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/geometry.h"
#include "engine/interpolation.h"

namespace penstock {

// With their values.
enum class StepKind {
  // Colours.
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
  kHsl,           // whole numbers to add to hue, saturation and lightness, as OpenCV's "HLS" has them in bytes
  kLighting,      // numbers to add to red, green and blue
  // Warps: from a place (x, y) in the result to the one in the image that is seen there, in pixels from the top left
  // corner, pixels' centres at halves.
  kAffine,       // a to f: (ax + by + c, dx + ey + f)
  kPerspective,  // a to h: the same, both divided by gx + hy + 1
};

inline bool is_warp(StepKind kind) { return kind == StepKind::kAffine || kind == StepKind::kPerspective; }

struct Step {
  StepKind kind;
  std::array<double, 8> values = {};
  // Of warps: how pixels are interpolated, and the colour beyond the image.
  Interpolation interpolation = Interpolation::kNearest;
  std::array<uint8_t, 3> fill = {0, 0, 0};
};

// Some of the steps of an image, one after the other.
struct StepRange {
  size_t first = 0;
  size_t last = 0;  // one past the end

  bool empty() const { return first == last; }
};

// Three planes one after the other, red, green and blue, without gaps between rows; owned by somebody else.
struct PlanarImage {
  uint8_t* data = nullptr;
  Size size;

  size_t plane_pixels() const { return static_cast<size_t>(size.height) * size.width; }
  uint8_t* plane(int channel) const { return data + channel * plane_pixels(); }
};

}  // namespace penstock

// What surrounds an image: how far, and what is there.
#pragma once

#include <array>
#include <cstdint>

#include "engine/geometry.h"

namespace penstock {

struct Op;

// What the pixels beyond an image are; as numpy.pad calls it. The numbers are those of _core.pyi.
enum class PaddingMode {
  kConstant = 0,   // a colour
  kEdge = 1,       // the nearest pixel of the image
  kReflect = 2,    // the image mirrored at its outermost pixels, again and again
  kSymmetric = 3,  // the image mirrored at its edges, again and again
};

struct Padding {
  PaddingMode mode = PaddingMode::kConstant;
  std::array<uint8_t, 3> fill = {0, 0, 0};  // of kConstant
};

inline bool operator==(const Padding& a, const Padding& b) { return a.mode == b.mode && a.fill == b.fill; }

// In pixels.
struct Margins {
  int64_t left = 0;
  int64_t top = 0;
  int64_t right = 0;
  int64_t bottom = 0;
};

// How far kPad and kRandomCrop pad an image.
Margins margins_of(const Op& op, Size image);

// What they pad it with.
Padding padding_of(const Op& op);

// Which pixel of an axis of `length` pixels lies at `position` of the axis that goes on beyond it. `mode` is not
// kConstant.
int padded_position(PaddingMode mode, int length, int64_t position);

}  // namespace penstock

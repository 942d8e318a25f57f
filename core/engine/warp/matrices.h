// Where the pixels of warped images come from, computed as Pillow and torchvision do, step by step, so that every bit
// is theirs. All from a place in the result to the place in the image that is seen there, as steps have them.
#pragma once

#include <array>

#include "engine/geometry.h"

namespace penstock {

using WarpMatrix = std::array<double, 8>;  // a to h; g and h of affine ones are 0

struct Point {
  double x = 0;
  double y = 0;
};

inline Point middle_of(Size size) { return {size.width / 2.0, size.height / 2.0}; }

// Pillow's `Image.rotate`: by `angle` degrees, counter-clockwise.
WarpMatrix rotation_matrix(double angle, Point center);

// What happens to an image, about a point of it, in this order: width is stretched by the root of `aspect` and height
// shrunk by it, then shears, scale and rotation, then it is moved.
struct AffineParameters {
  double angle = 0;        // degrees, clockwise
  double translate_x = 0;  // pixels
  double translate_y = 0;
  double scale = 1;
  double shear_x = 0;  // degrees
  double shear_y = 0;
  double aspect = 1;
};

// torchvision's `affine`, to which `aspect` is added.
WarpMatrix affine_matrix(const AffineParameters& parameters, Point center);

// How far the corners of an image move inwards, in pixels: top left, top right, bottom right, bottom left.
using CornerMoves = std::array<Point, 4>;

// torchvision's `perspective` of an image whose corners are moved, rounded to float32 as there. Where none exists
// (three corners in a line, an image of one row or column) the one that changes nothing.
WarpMatrix perspective_matrix(const CornerMoves& moves, Size size);

}  // namespace penstock

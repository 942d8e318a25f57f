// Ops that make several crops of one image. What follows them in a program is done to each, with the same draws.
#pragma once

#include "engine/geometry.h"
#include "engine/program.h"

namespace penstock {

// How many crops an op makes; 1 for any other.
int crop_count(OpKind kind);

// Throws Error(kDecode) for an image that is smaller than the crops that `op` makes.
void check_crops_fit(const Op& op, Size image);

// One of the crops that an op makes.
struct Crop {
  bool flip_horizontal;  // the image, before it is cut
  bool flip_vertical;
  Rect rect;
};

// Crop `number` in torchvision's order: top left, top right, bottom left, bottom right, centre; with kTenCrop the same
// of the mirrored image after them.
Crop crop_of(const Op& op, Size image, int number);

// Where a crop in the middle begins, also one that is longer than the side: before it. As torchvision's center_crop.
int center_offset(int side, int crop);

}  // namespace penstock

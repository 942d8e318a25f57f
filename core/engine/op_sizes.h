// Sizes of what ops give.
#pragma once

#include "engine/geometry.h"
#include "engine/op.h"
#include "engine/pixels/resize_filter.h"

namespace penstock {

// Of an op that resizes.
ResizeFilter resize_filter_of(const Op& op);

// What leaves `op` when an image of this size reaches it; for a group, what reaches its members. Throws Error(kDecode)
// for a size that is more than memory should be asked for.
Size size_after(const Op& op, Size size);

// Throws Error(kDecode) where a RandomCrop is larger than the image with its padding.
void check_crop_fits(const Op& op, Size image);

}  // namespace penstock

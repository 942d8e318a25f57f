// How strong the ops of a policy are: torchvision's `_augmentation_space`, in its float32 arithmetic.
#pragma once

#include "engine/geometry.h"
#include "engine/policy/ops.h"

namespace penstock {

enum class Space {
  kStandard,  // of AutoAugment and RandAugment
  kWide,      // of TrivialAugmentWide
};

// Whether a magnitude may as well be the opposite number.
bool is_signed(PolicyOp op);

// Of bin `bin`, 0 <= bin < bins and bins >= 2, for an image of `image`; 0 for an op without a magnitude.
double magnitude_of(Space space, PolicyOp op, int bin, int bins, Size image);

}  // namespace penstock

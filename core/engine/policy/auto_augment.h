// The policies that AutoAugment (Cubuk et al., "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019)
// found for three data sets, as torchvision has them.
#pragma once

#include <array>

#include "engine/policy/ops.h"

namespace penstock {

struct SubPolicyOp {
  PolicyOp op;
  double probability;
  int bin = 0;  // of kAutoAugmentBins; without a meaning for an op that has no magnitude
};

using SubPolicy = std::array<SubPolicyOp, 2>;  // one after the other

constexpr int kAutoAugmentBins = 10;
constexpr int kAutoAugmentPolicies = 3;
constexpr int kSubPolicies = 25;

// One of these is drawn for each image.
using SubPolicies = std::array<SubPolicy, kSubPolicies>;

// Of ImageNet (0), CIFAR-10 (1) or SVHN (2).
const SubPolicies& auto_augment_policy(int number);

}  // namespace penstock

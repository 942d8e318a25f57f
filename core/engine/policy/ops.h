// What a policy may do to an image, each with a magnitude: the ops of torchvision's autoaugment.
#pragma once

#include <string>
#include <vector>

namespace penstock {

// Their numbers stand in parameter tables: every executor reads them (augment/ops/policy.py has the same).
enum class PolicyOp {
  kIdentity,
  kShearX,      // tangent of the angle
  kShearY,      // tangent of the angle
  kTranslateX,  // pixels; the fraction is cut off
  kTranslateY,  // pixels; the fraction is cut off
  kRotate,      // degrees, counterclockwise
  kBrightness,  // factor, less 1
  kColor,       // factor of the saturation, less 1
  kContrast,    // factor, less 1
  kSharpness,   // factor, less 1
  kPosterize,   // bits
  kSolarize,    // threshold
  kAutoContrast,
  kEqualize,
  kInvert,
};

// Names as torchvision has them, by number.
const std::vector<std::string>& policy_op_names();

}  // namespace penstock

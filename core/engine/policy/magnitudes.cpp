#include "engine/policy/magnitudes.h"

#include <cmath>

namespace penstock {
namespace {

// The side that AutoAugment's translations were given for, and the furthest of them there.
constexpr double kSidePx = 331, kFurthestPx = 150;
constexpr double kFurthestWidePx = 32;

// The magnitudes of the last bin.
struct Strongest {
  double shear;
  double rotation;  // degrees
  double factor;
  double cleared;  // bits
};

constexpr Strongest kStrongest = {0.3, 30, 0.9, 4};
constexpr Strongest kStrongestWide = {0.99, 135, 0.99, 6};

// torch.linspace(first, last, count)[place] in float32: counted from the nearer end, each with one rounding, as on
// machines with fused multiplication and addition.
float linspace(double first, double last, int place, int count) {
  const auto start = static_cast<float>(first), end = static_cast<float>(last);
  const float step = (end - start) / static_cast<float>(count - 1);
  return place < count / 2 ? std::fma(step, static_cast<float>(place), start)
                           : std::fma(-step, static_cast<float>(count - 1 - place), end);
}

}  // namespace

bool is_signed(PolicyOp op) { return op >= PolicyOp::kShearX && op <= PolicyOp::kSharpness; }

double magnitude_of(Space space, PolicyOp op, int bin, int bins, Size image) {
  const Strongest& strongest = space == Space::kWide ? kStrongestWide : kStrongest;
  const auto rising = [=](double last) { return linspace(0, last, bin, bins); };
  const auto translation = [=](int side) {
    return rising(space == Space::kWide ? kFurthestWidePx : kFurthestPx / kSidePx * side);
  };
  switch (op) {
    case PolicyOp::kShearX:
    case PolicyOp::kShearY:
      return rising(strongest.shear);
    case PolicyOp::kTranslateX:
      return translation(image.width);
    case PolicyOp::kTranslateY:
      return translation(image.height);
    case PolicyOp::kRotate:
      return rising(strongest.rotation);
    case PolicyOp::kBrightness:
    case PolicyOp::kColor:
    case PolicyOp::kContrast:
    case PolicyOp::kSharpness:
      return rising(strongest.factor);
    case PolicyOp::kPosterize:
      // Halves to the even neighbour.
      return 8 - std::nearbyint(static_cast<float>(bin) / static_cast<float>((bins - 1) / strongest.cleared));
    case PolicyOp::kSolarize:
      return linspace(255, 0, bin, bins);
    case PolicyOp::kIdentity:
    case PolicyOp::kAutoContrast:
    case PolicyOp::kEqualize:
    case PolicyOp::kInvert:
      break;
  }
  return 0;
}

}  // namespace penstock

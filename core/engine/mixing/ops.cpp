#include "engine/mixing/ops.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/error.h"
#include "engine/mixing/beta.h"

namespace penstock {
namespace {

constexpr double kMaxAlpha = 1e6;
// Whether it is applied, and where CutMix cuts; the numbers of lambda follow.
constexpr uint32_t kApplyBlock = 0;
constexpr uint32_t kPlaceBlock = 1;
constexpr uint32_t kLambdaBlock = 2;

// torchvision's CutMix.make_params: a rectangle with the share 1 - lambda of the image, cut at the edges.
Rect cut_of(const OpStream& stream, double lambda, Size size) {
  const PhiloxBlock place = stream.block(kPlaceBlock);
  const int x = static_cast<int>(unit_double(place, 0) * size.width);
  const int y = static_cast<int>(unit_double(place, 1) * size.height);
  const double radius = 0.5 * std::sqrt(1 - lambda);
  const int half_width = static_cast<int>(radius * size.width), half_height = static_cast<int>(radius * size.height);
  const int left = std::max(x - half_width, 0), top = std::max(y - half_height, 0);
  const int right = std::min(x + half_width, size.width), bottom = std::min(y + half_height, size.height);
  return {left, top, right - left, bottom - top};
}

}  // namespace

std::vector<std::string> mixing_fields(OpKind kind) {
  if (kind == OpKind::kMixUp) return {"apply", "lambda"};
  return {"apply", "lambda", "x", "y", "width", "height"};
}

void check_mixing_arguments(const Op& op, const std::string& name) {
  const double alpha = op.args[0], p = op.args[1];
  if (!(alpha > 0 && alpha <= kMaxAlpha)) {
    throw Error(Fault::kSpec, name + ": alpha: expected a number above 0, up to 1e6, got " + std::to_string(alpha));
  }
  if (!(p >= 0 && p <= 1)) {
    throw Error(Fault::kSpec, name + ": p: expected a probability from 0 to 1, got " + std::to_string(p));
  }
}

void draw_mixing(const OpStream& stream, const Op& op, Size size, double* fields) {
  const double lambda = draw_symmetric_beta(stream, kLambdaBlock, op.args[0]);
  fields[0] = unit_double(stream.block(kApplyBlock), 0) < op.args[1] ? 1 : 0;
  fields[1] = lambda;
  if (op.kind == OpKind::kMixUp) return;
  const Rect cut = cut_of(stream, lambda, size);
  const double cut_area = static_cast<double>(cut.width) * cut.height;
  fields[1] = 1 - cut_area / (static_cast<double>(size.width) * size.height);
  fields[2] = cut.x;
  fields[3] = cut.y;
  fields[4] = cut.width;
  fields[5] = cut.height;
}

}  // namespace penstock

#include "engine/warp/ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/warp/matrices.h"

namespace penstock {
namespace {

constexpr double kMost = std::numeric_limits<float>::max();

// Arguments of RandomRotation: angle_min, angle_max, then the common ones. Of RandomAffine: the ranges of what it draws
// in this order, but only the ends of translations, then the common ones. Of RandomPerspective: distortion_scale, p,
// interpolation, fill.
constexpr size_t kTranslate = 2, kScale = 4, kShearX = 6, kShearY = 8, kAspect = 10;

// Where the common arguments begin: interpolation, fill (3), and but for RandomPerspective whether there is a centre,
// and its x and y.
size_t common_arguments(const Op& op) { return op.kind == OpKind::kRandomAffine ? 12 : 2; }

void require(bool holds, const std::string& name, const std::string& expected, double got) {
  if (!holds) throw Error(Fault::kSpec, name + ": " + expected + ", got " + std::to_string(got));
}

void check_range(const Op& op, size_t first, const std::string& name, const std::string& argument, double least) {
  const double low = op.args[first], high = op.args[first + 1];
  require(low >= least && low <= kMost, name, argument + "_min: expected a finite number in its bounds", low);
  require(high >= low && high <= kMost, name, argument + "_max: expected a finite number, not below the lower", high);
}

void check_common(const Op& op, const std::string& name) {
  const double* const common = op.args.data() + common_arguments(op);
  const double mode = common[0];
  require(mode == 0 || mode == 2 || mode == 3, name, "interpolation: expected 0 (nearest), 2 (bilinear) or 3 (bicubic)",
          mode);
  for (size_t channel = 1; channel <= 3; ++channel) {
    const double level = common[channel];
    require(level >= 0 && level <= 255 && level == std::floor(level), name, "fill: expected 0 to 255", level);
  }
  if (op.kind == OpKind::kRandomPerspective) return;
  require(common[4] == 0 || common[4] == 1, name, "has_center: expected 0 or 1", common[4]);
  for (size_t axis = 5; axis <= 6; ++axis) {
    require(std::abs(common[axis]) <= kMost, name, "center: expected a finite number", common[axis]);
  }
}

void check_affine(const Op& op, const std::string& name) {
  constexpr double kTiny = std::numeric_limits<double>::min();
  for (size_t axis = 0; axis < 2; ++axis) {
    const double share = op.args[kTranslate + axis];
    require(share >= 0 && share <= 1, name, "translate: expected a share from 0 to 1", share);
  }
  check_range(op, kScale, name, "scale", kTiny);
  check_range(op, kShearX, name, "shear_x", -kMost);
  check_range(op, kShearY, name, "shear_y", -kMost);
  check_range(op, kAspect, name, "aspect", kTiny);
}

double between(const Op& op, size_t first, double unit) {
  return op.args[first] + unit * (op.args[first + 1] - op.args[first]);
}

// A whole number of pixels, up to this share of the side to both sides; halves to even.
double translation(double share, int side, double unit) {
  const double most = share * side;
  return std::nearbyint(-most + unit * (2 * most));
}

void draw_affine(const OpStream& stream, const Op& op, Size image, double* fields) {
  const PhiloxBlock first = stream.block(0), second = stream.block(1), third = stream.block(2);
  fields[0] = between(op, 0, unit_double(first, 0));
  fields[1] = translation(op.args[kTranslate], image.width, unit_double(second, 0));
  fields[2] = translation(op.args[kTranslate + 1], image.height, unit_double(second, 1));
  fields[3] = between(op, kScale, unit_double(first, 1));
  fields[4] = between(op, kShearX, unit_double(third, 0));
  fields[5] = between(op, kShearY, unit_double(third, 1));
  const double low = std::log(op.args[kAspect]), high = std::log(op.args[kAspect + 1]);
  fields[6] = std::exp(low + unit_double(stream.block(3), 0) * (high - low));
}

// torchvision's RandomPerspective.get_params: how far each corner moves inwards.
void draw_perspective(const OpStream& stream, const Op& op, Size image, double* fields) {
  fields[0] = unit_double(stream.block(0), 0) < op.args[1] ? 1 : 0;
  const double across = std::floor(op.args[0] * (image.width / 2)) + 1;
  const double down = std::floor(op.args[0] * (image.height / 2)) + 1;
  for (uint32_t corner = 0; corner < 4; ++corner) {
    const PhiloxBlock block = stream.block(1 + corner);
    fields[1 + 2 * corner] = std::floor(unit_double(block, 0) * across);
    fields[2 + 2 * corner] = std::floor(unit_double(block, 1) * down);
  }
}

void check_drawn(bool holds, const char* expected, double got) {
  if (holds) return;
  throw Error(Fault::kOption, "params: expected " + std::string(expected) + ", got " + std::to_string(got) +
                                  "; draw them with this program");
}

Step step_of(const Op& op, StepKind kind, const WarpMatrix& matrix) {
  const double* const common = op.args.data() + common_arguments(op);
  Step step{kind, matrix, static_cast<Interpolation>(static_cast<int>(common[0])), {}};
  for (size_t channel = 0; channel < 3; ++channel) step.fill[channel] = static_cast<uint8_t>(common[1 + channel]);
  return step;
}

Point center_of(const Op& op, Size image) {
  const double* const common = op.args.data() + common_arguments(op);
  return common[4] != 0 ? Point{common[5], common[6]} : middle_of(image);
}

AffineParameters affine_parameters(const double* fields) {
  for (size_t field = 0; field < 6; ++field) check_drawn(std::abs(fields[field]) <= kMost, "a number", fields[field]);
  check_drawn(fields[3] > 0, "a scale above 0", fields[3]);
  check_drawn(fields[6] > 0 && fields[6] <= kMost, "an aspect above 0", fields[6]);
  return {fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]};
}

CornerMoves corner_moves(const double* fields, Size image) {
  CornerMoves moves;
  for (size_t corner = 0; corner < moves.size(); ++corner) {
    moves[corner] = {fields[2 * corner], fields[2 * corner + 1]};
    check_drawn(moves[corner].x >= 0 && moves[corner].x <= image.width, "a corner in the image", moves[corner].x);
    check_drawn(moves[corner].y >= 0 && moves[corner].y <= image.height, "a corner in the image", moves[corner].y);
  }
  return moves;
}

}  // namespace

size_t warp_argument_count(OpKind kind) {
  return kind == OpKind::kRandomAffine ? 19 : kind == OpKind::kRandomRotation ? 9 : 6;
}

const std::vector<std::string>& warp_fields(OpKind kind) {
  static const std::vector<std::string> rotation = {"angle"};
  static const std::vector<std::string> affine = {"angle",   "translate_x", "translate_y", "scale",
                                                  "shear_x", "shear_y",     "aspect"};
  static const std::vector<std::string> perspective = {"apply",          "top_left_x",    "top_left_y",
                                                       "top_right_x",    "top_right_y",   "bottom_right_x",
                                                       "bottom_right_y", "bottom_left_x", "bottom_left_y"};
  return kind == OpKind::kRandomAffine ? affine : kind == OpKind::kRandomRotation ? rotation : perspective;
}

void check_warp_arguments(const Op& op, const std::string& name) {
  if (op.kind == OpKind::kRandomPerspective) {
    require(op.args[0] >= 0 && op.args[0] <= 1, name, "distortion_scale: expected a share from 0 to 1", op.args[0]);
    require(op.args[1] >= 0 && op.args[1] <= 1, name, "p: expected a probability from 0 to 1", op.args[1]);
  } else {
    check_range(op, 0, name, "angle", -kMost);
  }
  if (op.kind == OpKind::kRandomAffine) check_affine(op, name);
  check_common(op, name);
}

void draw_warp(const OpStream& stream, const Op& op, Size image, double* fields) {
  if (op.kind == OpKind::kRandomAffine) return draw_affine(stream, op, image, fields);
  if (op.kind == OpKind::kRandomPerspective) return draw_perspective(stream, op, image, fields);
  fields[0] = between(op, 0, unit_double(stream.block(0), 0));
}

void append_warp(const Op& op, const double* fields, Size image, std::vector<Step>& steps) {
  if (op.kind == OpKind::kRandomPerspective) {
    if (fields[0] == 0) return;
    const WarpMatrix matrix = perspective_matrix(corner_moves(fields + 1, image), image);
    steps.push_back(step_of(op, StepKind::kPerspective, matrix));
    return;
  }
  const Point center = center_of(op, image);
  if (op.kind == OpKind::kRandomAffine) {
    steps.push_back(step_of(op, StepKind::kAffine, affine_matrix(affine_parameters(fields), center)));
    return;
  }
  check_drawn(std::abs(fields[0]) <= kMost, "an angle", fields[0]);
  steps.push_back(step_of(op, StepKind::kAffine, rotation_matrix(fields[0], center)));
}

}  // namespace penstock

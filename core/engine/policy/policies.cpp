#include "engine/policy/policies.h"

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/policy/auto_augment.h"
#include "engine/policy/magnitudes.h"
#include "engine/policy/ops.h"
#include "engine/warp/matrices.h"

namespace penstock {
namespace {

constexpr int kMaxOps = 64;
constexpr int kMaxBins = 65536;
constexpr int kMagnitudeOps = 14;  // of RandAugment and TrivialAugmentWide: all but kInvert, which is the last
constexpr double kPi = 3.14159265358979323846;
constexpr double kMaxSide = 65535;
constexpr double kMaxFactor = std::numeric_limits<float>::max();

void require(bool holds, const std::string& op, const std::string& expected, double got) {
  if (!holds) throw Error(Fault::kSpec, op + ": " + expected + ", got " + std::to_string(got));
}

bool is_whole(double value, double lowest, double highest) {
  return value >= lowest && value <= highest && value == std::floor(value);
}

void check_bins(double bins, const std::string& name) {
  require(is_whole(bins, 2, kMaxBins), name, "num_magnitude_bins: expected 2 to 65536", bins);
}

// Interpolation and fill, behind what is the policy's own.
const double* sampling_of(const Op& op) { return op.args.data() + policy_argument_count(op.kind) - 4; }

int drawn_ops(const Op& op) {
  switch (op.kind) {
    case OpKind::kRandAugment:
      return static_cast<int>(op.args[0]);
    case OpKind::kAutoAugment:
      return static_cast<int>(SubPolicy{}.size());
    default:
      return 1;
  }
}

int floor_of(double unit, int count) { return static_cast<int>(unit * count); }

struct DrawnOp {
  PolicyOp op;
  double magnitude;
};

// `unit` decides on the sign.
double with_sign(PolicyOp op, double magnitude, double unit) {
  return is_signed(op) && unit < 0.5 ? -magnitude : magnitude;
}

DrawnOp draw_rand_augment(const OpStream& stream, const Op& op, int place, Size image) {
  const PhiloxBlock block = stream.block(static_cast<uint32_t>(place));
  const auto which = static_cast<PolicyOp>(floor_of(unit_double(block, 0), kMagnitudeOps));
  const int bin = static_cast<int>(op.args[1]), bins = static_cast<int>(op.args[2]);
  return {which, with_sign(which, magnitude_of(Space::kStandard, which, bin, bins, image), unit_double(block, 1))};
}

DrawnOp draw_trivial_augment(const OpStream& stream, const Op& op, Size image) {
  const PhiloxBlock block = stream.block(0);
  const auto which = static_cast<PolicyOp>(floor_of(unit_double(block, 0), kMagnitudeOps));
  const int bins = static_cast<int>(op.args[0]);
  const int bin = floor_of(unit_double(stream.block(1), 0), bins);
  return {which, with_sign(which, magnitude_of(Space::kWide, which, bin, bins, image), unit_double(block, 1))};
}

DrawnOp draw_auto_augment(const OpStream& stream, const SubPolicy& sub_policy, int place, Size image) {
  const PhiloxBlock block = stream.block(static_cast<uint32_t>(1 + place));
  const SubPolicyOp& each = sub_policy[place];
  if (unit_double(block, 0) >= each.probability) return {PolicyOp::kIdentity, 0};
  const double magnitude = magnitude_of(Space::kStandard, each.op, each.bin, kAutoAugmentBins, image);
  return {each.op, with_sign(each.op, magnitude, unit_double(block, 1))};
}

void check_drawn(bool holds, const std::string& expected, double got) {
  if (holds) return;
  throw Error(Fault::kOption,
              "params: expected " + expected + ", got " + std::to_string(got) + "; draw them with this program");
}

Step factor_step(StepKind kind, double magnitude) {
  const double factor = 1 + magnitude;
  check_drawn(factor >= 0 && factor <= kMaxFactor, "a magnitude of -1 or more", magnitude);
  return {kind, {factor}};
}

Step posterize_step(double magnitude) {
  check_drawn(magnitude >= 0 && magnitude < 9, "a magnitude of 0 to 8 bits", magnitude);
  return {StepKind::kPosterize, {std::trunc(magnitude)}};
}

double degrees_of(double tangent) { return std::atan(tangent) * (180 / kPi); }

double whole_pixels(double translation) {
  check_drawn(std::abs(translation) <= kMaxSide, "a translation of at most 65535 px", translation);
  return std::trunc(translation);
}

// torchvision shears about the corner of the image, and translates by whole pixels.
WarpMatrix matrix_of(const DrawnOp& drawn, Size image) {
  AffineParameters affine;
  switch (drawn.op) {
    case PolicyOp::kShearX:
      affine.shear_x = degrees_of(drawn.magnitude);
      return affine_matrix(affine, {0, 0});
    case PolicyOp::kShearY:
      affine.shear_y = degrees_of(drawn.magnitude);
      return affine_matrix(affine, {0, 0});
    case PolicyOp::kTranslateX:
      affine.translate_x = whole_pixels(drawn.magnitude);
      return affine_matrix(affine, middle_of(image));
    case PolicyOp::kTranslateY:
      affine.translate_y = whole_pixels(drawn.magnitude);
      return affine_matrix(affine, middle_of(image));
    default:
      return rotation_matrix(drawn.magnitude, middle_of(image));
  }
}

Step warp_step(const Op& op, const DrawnOp& drawn, Size image) {
  const double* const sampling = sampling_of(op);
  Step step{StepKind::kAffine, matrix_of(drawn, image), static_cast<Interpolation>(static_cast<int>(sampling[0])), {}};
  for (size_t channel = 0; channel < 3; ++channel) step.fill[channel] = static_cast<uint8_t>(sampling[1 + channel]);
  return step;
}

// What is drawn, unless it changes nothing.
Step step_of(const Op& op, const DrawnOp& drawn, Size image) {
  switch (drawn.op) {
    case PolicyOp::kBrightness:
      return factor_step(StepKind::kBrightness, drawn.magnitude);
    case PolicyOp::kColor:
      return factor_step(StepKind::kSaturation, drawn.magnitude);
    case PolicyOp::kContrast:
      return factor_step(StepKind::kContrast, drawn.magnitude);
    case PolicyOp::kSharpness:
      return factor_step(StepKind::kSharpness, drawn.magnitude);
    case PolicyOp::kPosterize:
      return posterize_step(drawn.magnitude);
    case PolicyOp::kSolarize:
      return {StepKind::kSolarize, {drawn.magnitude}};
    case PolicyOp::kAutoContrast:
      return {StepKind::kAutocontrast};
    case PolicyOp::kEqualize:
      return {StepKind::kEqualize};
    case PolicyOp::kInvert:
      return {StepKind::kInvert};
    default:
      return warp_step(op, drawn, image);
  }
}

DrawnOp read_drawn(const double* fields) {
  const auto last = static_cast<double>(policy_op_names().size() - 1);
  check_drawn(is_whole(fields[0], 0, last), "the number of a policy's op", fields[0]);
  check_drawn(std::isfinite(fields[1]), "a finite magnitude", fields[1]);
  return {static_cast<PolicyOp>(static_cast<int>(fields[0])), fields[1]};
}

}  // namespace

size_t policy_argument_count(OpKind kind) { return kind == OpKind::kRandAugment ? 7 : 5; }

std::vector<std::string> policy_fields(const Op& op) {
  std::vector<std::string> fields;
  if (op.kind == OpKind::kAutoAugment) fields.emplace_back("sub_policy");
  for (int place = 0; place < drawn_ops(op); ++place) {
    fields.push_back("op_" + std::to_string(place));
    fields.push_back("magnitude_" + std::to_string(place));
  }
  return fields;
}

void check_policy_arguments(const Op& op, const std::string& name) {
  switch (op.kind) {
    case OpKind::kRandAugment:
      require(is_whole(op.args[0], 0, kMaxOps), name, "num_ops: expected 0 to 64", op.args[0]);
      check_bins(op.args[2], name);
      require(is_whole(op.args[1], 0, op.args[2] - 1), name, "magnitude: expected a bin", op.args[1]);
      break;
    case OpKind::kAutoAugment:
      require(is_whole(op.args[0], 0, kAutoAugmentPolicies - 1), name, "policy: expected 0 to 2", op.args[0]);
      break;
    default:
      check_bins(op.args[0], name);
  }
  const double* const sampling = sampling_of(op);
  require(is_whole(sampling[0], 0, 3) && sampling[0] != 1, name, "interpolation: expected 0, 2 or 3", sampling[0]);
  for (size_t channel = 1; channel <= 3; ++channel) {
    require(is_whole(sampling[channel], 0, 255), name, "fill: expected 0 to 255", sampling[channel]);
  }
}

void draw_policy(const OpStream& stream, const Op& op, Size image, double* fields) {
  const SubPolicy* sub_policy = nullptr;
  if (op.kind == OpKind::kAutoAugment) {
    const int number = floor_of(unit_double(stream.block(0), 0), kSubPolicies);
    sub_policy = &auto_augment_policy(static_cast<int>(op.args[0]))[number];
    *fields++ = number;
  }
  for (int place = 0; place < drawn_ops(op); ++place) {
    const DrawnOp drawn = sub_policy != nullptr             ? draw_auto_augment(stream, *sub_policy, place, image)
                          : op.kind == OpKind::kRandAugment ? draw_rand_augment(stream, op, place, image)
                                                            : draw_trivial_augment(stream, op, image);
    *fields++ = static_cast<double>(drawn.op);
    *fields++ = drawn.magnitude;
  }
}

void append_policy(const Op& op, const double* fields, Size image, std::vector<Step>& steps) {
  if (op.kind == OpKind::kAutoAugment) ++fields;
  for (int place = 0; place < drawn_ops(op); ++place) {
    const DrawnOp drawn = read_drawn(fields + 2 * place);
    if (drawn.op != PolicyOp::kIdentity) steps.push_back(step_of(op, drawn, image));
  }
}

}  // namespace penstock

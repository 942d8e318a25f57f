#include "engine/op_checks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "engine/crops.h"
#include "engine/erasing/ops.h"
#include "engine/error.h"
#include "engine/groups.h"
#include "engine/mixing/ops.h"
#include "engine/pixels/resize_filter.h"
#include "engine/step_ops.h"

namespace penstock {
namespace {

constexpr double kMaxSide = 65535;

std::string to_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

[[noreturn]] void refuse(const Op& op, const std::string& argument, const std::string& expected, double got) {
  throw Error(Fault::kSpec, op_name(op.kind) + ": " + argument + ": expected " + expected + ", got " + to_text(got));
}

void check_side(const Op& op, size_t argument, const char* name, double lowest = 1) {
  const double value = op.args[argument];
  if (!(value >= lowest && value <= kMaxSide && value == std::floor(value))) {
    refuse(op, name, "a whole number of pixels from " + to_text(lowest) + " to 65535", value);
  }
}

void check_range(const Op& op, size_t first, const std::string& name, bool may_be_zero) {
  const double low = op.args[first], high = op.args[first + 1];
  if (!(std::isfinite(low) && (may_be_zero ? low >= 0 : low > 0))) {
    refuse(op, name + "_min", may_be_zero ? "a finite number, 0 or more" : "a finite number above 0", low);
  }
  if (!(std::isfinite(high) && high > 0 && high >= low)) {
    refuse(op, name + "_max", "a finite number above 0, not below " + name + "_min", high);
  }
}

void check_among(const Op& op, size_t argument, const char* name, int last) {
  const double value = op.args[argument];
  if (!(value >= 0 && value <= last && value == std::floor(value))) {
    refuse(op, name, "a whole number from 0 to " + std::to_string(last), value);
  }
}

void check_padding(const Op& op, size_t first) {
  static constexpr const char* kMargins[] = {"left", "top", "right", "bottom"};
  static constexpr const char* kFill[] = {"fill_0", "fill_1", "fill_2"};
  for (size_t i = 0; i < 4; ++i) check_side(op, first + i, kMargins[i], 0);
  check_among(op, first + 4, "mode", 3);
  for (size_t i = 0; i < 3; ++i) check_among(op, first + 5 + i, kFill[i], 255);
}

void check_normalize(const Op& op) {
  for (size_t channel = 0; channel < 3; ++channel) {
    const double mean = op.args[channel], deviation = op.args[channel + 3];
    if (!std::isfinite(mean)) refuse(op, "mean_" + std::to_string(channel), "a finite number", mean);
    if (!(std::isfinite(deviation) && deviation > 0)) {
      refuse(op, "std_" + std::to_string(channel), "a finite number above 0", deviation);
    }
  }
}

// Whether the op at `position` mixes batches: by itself, or as a choice of which each branch is one op that does.
bool mixes(const std::vector<Op>& ops, size_t position) {
  if (ops[position].kind != OpKind::kChoice) return is_mixing(ops[position].kind);
  const std::vector<size_t> branches = branches_of(ops, position);
  return std::all_of(branches.begin(), branches.end(), [&ops](size_t member) {
    const size_t end = end_of(ops, member - 1);
    return member < end && mixes(ops, member) && end == end_of(ops, member);
  });
}

}  // namespace

void check_arguments(const Op& op, Dtype result) {
  switch (op.kind) {
    case OpKind::kRandomResizedCrop:
      check_range(op, 2, "scale", true);
      check_range(op, 4, "ratio", false);
      check_among(op, 6, "filter", kLastResizeFilter);
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      return;
    case OpKind::kResize:
      check_among(op, 2, "filter", kLastResizeFilter);
      [[fallthrough]];
    case OpKind::kCenterCrop:
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      return;
    case OpKind::kFiveCrop:
    case OpKind::kTenCrop:
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      check_among(op, 2, "vertical_flip", 1);
      return;
    case OpKind::kResizeShort:
      check_among(op, 2, "filter", kLastResizeFilter);
      check_side(op, 0, "short");
      check_side(op, 1, "max_size", 0);
      if (op.args[1] != 0 && op.args[1] < op.args[0]) refuse(op, "max_size", "0 or at least `short`", op.args[1]);
      return;
    case OpKind::kRandomCrop:
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      check_padding(op, 2);
      check_among(op, 10, "pad_if_needed", 1);
      return;
    case OpKind::kPad:
      check_padding(op, 0);
      return;
    case OpKind::kRandomHorizontalFlip:
    case OpKind::kRandomVerticalFlip:
      if (!(op.args[0] >= 0 && op.args[0] <= 1)) refuse(op, "p", "a probability from 0 to 1", op.args[0]);
      return;
    case OpKind::kToDtype:
      check_among(op, 0, "dtype", 2);
      check_among(op, 1, "scale", 1);
      return;
    case OpKind::kNormalize:
      check_normalize(op);
      return;
    case OpKind::kApply:
    case OpKind::kChoice:
    case OpKind::kBranch:
      return;  // with their members, by check_groups
    case OpKind::kRandomErasing:
    case OpKind::kCutout:
      check_erasing_arguments(op, op_name(op.kind), result);
      return;
    case OpKind::kMixUp:
    case OpKind::kCutMix:
      check_mixing_arguments(op, op_name(op.kind));
      return;
    case OpKind::kLambda:
      return;
    default:
      check_step_arguments(op, op_name(op.kind));
  }
}

void check_order(const std::vector<Op>& ops) {
  const auto fail = [](const std::string& reason) { throw Error(Fault::kSpec, reason); };
  const Op* crops = nullptr;
  const Op* conversion = nullptr;
  const Op* normalization = nullptr;
  const Op* erasing = nullptr;
  const Op* mixing = nullptr;
  for (size_t position = 0; position < ops.size(); ++position) {
    const Op& op = ops[position];
    if (mixing != nullptr) fail(op_name(op.kind) + ": expected nothing after " + op_name(mixing->kind));
    if (op.kind == OpKind::kLambda) continue;  // anywhere before
    if (mixes(ops, position)) {
      mixing = &op;
      position = end_of(ops, position) - 1;
      continue;
    }
    if (is_erasing(op.kind)) {
      erasing = &op;
      continue;
    }
    if (erasing != nullptr) fail(op_name(op.kind) + ": expected before " + op_name(erasing->kind) + "; move it there");
    const bool last_steps = op.kind == OpKind::kToDtype || op.kind == OpKind::kNormalize;
    if (normalization != nullptr) fail(op_name(op.kind) + ": expected nothing after normalize; move it before");
    if (!last_steps && conversion != nullptr) fail(op_name(op.kind) + ": expected before to_dtype; move it there");
    if (op.kind == OpKind::kToDtype && conversion != nullptr) fail("to_dtype: expected at most one; remove the other");
    if (crop_count(op.kind) > 1 && crops != nullptr) fail(op_name(op.kind) + ": expected after no other; keep one");
    if (crop_count(op.kind) > 1) crops = &op;
    if (op.kind == OpKind::kToDtype) conversion = &op;
    if (op.kind == OpKind::kNormalize) normalization = &op;
  }
  if (normalization != nullptr && (conversion == nullptr || conversion->args[0] == 0)) {
    fail("normalize: expected floats, got uint8; put to_dtype with a float dtype before it");
  }
}

}  // namespace penstock

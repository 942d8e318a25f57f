#include "engine/step_ops.h"

#include "engine/colour/ops.h"
#include "engine/policy/policies.h"
#include "engine/warp/ops.h"

namespace penstock {

bool makes_steps(OpKind kind) { return is_colour(kind) || is_warp(kind) || is_policy(kind); }

size_t step_argument_count(OpKind kind) {
  if (is_policy(kind)) return policy_argument_count(kind);
  return is_warp(kind) ? warp_argument_count(kind) : colour_argument_count(kind);
}

std::vector<std::string> step_fields(const Op& op) {
  if (is_policy(op.kind)) return policy_fields(op);
  return is_warp(op.kind) ? warp_fields(op.kind) : colour_fields(op.kind);
}

void check_step_arguments(const Op& op, const std::string& name) {
  if (is_policy(op.kind)) return check_policy_arguments(op, name);
  if (is_warp(op.kind)) return check_warp_arguments(op, name);
  check_colour_arguments(op, name);
}

void draw_step_fields(const OpStream& stream, const Op& op, Size image, double* fields) {
  if (is_policy(op.kind)) return draw_policy(stream, op, image, fields);
  if (is_warp(op.kind)) return draw_warp(stream, op, image, fields);
  draw_colour(stream, op, fields);
}

void append_steps(const Op& op, const double* fields, Size image, std::vector<Step>& steps) {
  if (is_policy(op.kind)) return append_policy(op, fields, image, steps);
  if (is_warp(op.kind)) return append_warp(op, fields, image, steps);
  append_colours(op, fields, steps);
}

}  // namespace penstock

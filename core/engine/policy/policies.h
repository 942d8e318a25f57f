// The policies of a program: what they take, what they draw, and the steps that they amount to.
#pragma once

#include <string>
#include <vector>

#include "engine/geometry.h"
#include "engine/program.h"
#include "engine/random/drawing.h"
#include "engine/step.h"

namespace penstock {

inline bool is_policy(OpKind kind) { return kind >= OpKind::kRandAugment && kind <= OpKind::kAutoAugment; }

// What follows is for policies only; see step_ops.h.

size_t policy_argument_count(OpKind kind);

// Fields of the parameter table, in order: for each op that the policy applies `op_<k>` and `magnitude_<k>`, before
// them for AutoAugment `sub_policy`.
std::vector<std::string> policy_fields(const Op& op);

// Throws Error(kSpec) for arguments that can't be run; `name` is the op's.
void check_policy_arguments(const Op& op, const std::string& name);

// For an image of `image`, which bounds translations.
void draw_policy(const OpStream& stream, const Op& op, Size image, double* fields);

// Adds what `op` does to an image of `image` once it has drawn `fields`.
void append_policy(const Op& op, const double* fields, Size image, std::vector<Step>& steps);

}  // namespace penstock

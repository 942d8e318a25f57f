// The warps of a program: what they take, what they draw, and the steps that they amount to.
#pragma once

#include <string>
#include <vector>

#include "engine/geometry.h"
#include "engine/program.h"
#include "engine/random/drawing.h"
#include "engine/step.h"

namespace penstock {

inline bool is_warp(OpKind kind) { return kind >= OpKind::kRandomRotation && kind <= OpKind::kRandomPerspective; }

// What follows is for warps only; see step_ops.h.

size_t warp_argument_count(OpKind kind);

const std::vector<std::string>& warp_fields(OpKind kind);

void check_warp_arguments(const Op& op, const std::string& name);

void draw_warp(const OpStream& stream, const Op& op, Size image, double* fields);

void append_warp(const Op& op, const double* fields, Size image, std::vector<Step>& steps);

}  // namespace penstock

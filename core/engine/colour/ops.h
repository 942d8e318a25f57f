// The colour ops of a program: what they take, what they draw, and the steps that they amount to.
#pragma once

#include <string>
#include <vector>

#include "engine/program.h"
#include "engine/random/drawing.h"
#include "engine/step.h"

namespace penstock {

inline bool is_colour(OpKind kind) { return kind >= OpKind::kRandomInvert && kind < OpKind::kRandomRotation; }

// What follows is for colour ops only.

size_t colour_argument_count(OpKind kind);

// Fields of the parameter table, in order.
const std::vector<std::string>& colour_fields(OpKind kind);

// Throws Error(kSpec) for arguments that can't be run; `name` is the op's.
void check_colour_arguments(const Op& op, const std::string& name);

void draw_colour(const OpStream& stream, const Op& op, double* fields);

// Adds what `op` does once it has drawn `fields`: nothing where it is left out this time.
void append_colours(const Op& op, const double* fields, std::vector<Step>& steps);

}  // namespace penstock

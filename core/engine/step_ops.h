// The ops of a program that amount to steps, of whatever family: what they take, what they draw, and their steps.
#pragma once

#include <string>
#include <vector>

#include "engine/program.h"
#include "engine/random/drawing.h"
#include "engine/step.h"

namespace penstock {

// Whether ops of this kind change pixels, but not the size of the image. What follows is for these only.
bool makes_steps(OpKind kind);

size_t step_argument_count(OpKind kind);

// Fields of the parameter table, in order.
std::vector<std::string> step_fields(const Op& op);

// Throws Error(kSpec) for arguments that can't be run; `name` is the op's.
void check_step_arguments(const Op& op, const std::string& name);

// `image` is the size of what reaches the op.
void draw_step_fields(const OpStream& stream, const Op& op, Size image, double* fields);

// Adds what `op` does to an image of this size once it has drawn `fields`: nothing where it is left out this time.
// Throws Error(kOption) for what nobody drew.
void append_steps(const Op& op, const double* fields, Size image, std::vector<Step>& steps);

}  // namespace penstock

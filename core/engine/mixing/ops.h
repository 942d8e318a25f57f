// The ops that mix the samples of a batch: what they take and what they draw. Python applies them to finished batches.
#pragma once

#include <string>
#include <vector>

#include "engine/geometry.h"
#include "engine/program.h"
#include "engine/random/drawing.h"

namespace penstock {

inline bool is_mixing(OpKind kind) { return kind == OpKind::kMixUp || kind == OpKind::kCutMix; }

// What follows is for mixing ops only.

// Both take alpha and p.
constexpr size_t kMixingArguments = 2;

// Fields of the parameter table, in order.
std::vector<std::string> mixing_fields(OpKind kind);

// Throws Error(kSpec) for arguments that can't be run; `name` is the op's.
void check_mixing_arguments(const Op& op, const std::string& name);

// `size` is the result's.
void draw_mixing(const OpStream& stream, const Op& op, Size size, double* fields);

}  // namespace penstock

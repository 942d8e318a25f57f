// The ops that erase parts of a finished result: what they take, what they draw, and the rectangles that they amount
// to.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "engine/geometry.h"
#include "engine/program.h"
#include "engine/random/drawing.h"
#include "engine/random/philox.h"

namespace penstock {

inline bool is_erasing(OpKind kind) { return kind == OpKind::kRandomErasing || kind == OpKind::kCutout; }

// What follows is for erasing ops only.

size_t erasing_argument_count(OpKind kind);

// Fields of the parameter table, in order.
std::vector<std::string> erasing_fields(const Op& op);

// Throws Error(kSpec) for arguments that can't be run on a result of this type; `name` is the op's.
void check_erasing_arguments(const Op& op, const std::string& name, Dtype dtype);

// `size` is the result's.
void draw_erasing(const OpStream& stream, const Op& op, Size size, double* fields);

// A part of the result, and what is written there: noise if it has a key, else a value for each channel.
struct Erasure {
  Rect rect;
  std::array<float, 3> values = {0, 0, 0};
  std::optional<PhiloxKey> noise;
};

// Adds what `op` erases once it has drawn `fields`. Throws Error(kOption) for fields that weren't drawn for this size.
void append_erasures(const Op& op, const double* fields, Size size, std::vector<Erasure>& erasures);

}  // namespace penstock

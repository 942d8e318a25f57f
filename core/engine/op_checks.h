// What every program must keep to.
#pragma once

#include <vector>

#include "engine/op.h"

namespace penstock {

// Throws Error(kSpec) for arguments that can't be run. `result`: the type of what reaches the op.
void check_arguments(const Op& op, Dtype result);

// Throws Error(kSpec) unless ops come in an order that has a meaning: what moves or changes pixels, at most one
// to_dtype, at most one normalize of floats, erasing, at most one that mixes batches (or a choice of such). Groups are
// checked already.
void check_order(const std::vector<Op>& ops);

}  // namespace penstock

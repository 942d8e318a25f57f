// Ops that hold ops. Their members follow them in the program, and run or are left out by what the group drew:
//   kApply (p, members): the members run together, or not at all.
//   kChoice (branches): that many kBranch, each before its own members; those of one branch run.
//   kBranch (weight, members): how likely the branch is among those of its choice.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/program.h"
#include "engine/random/drawing.h"

namespace penstock {

inline bool is_group(OpKind kind) {
  return kind == OpKind::kApply || kind == OpKind::kChoice || kind == OpKind::kBranch;
}

// What a group draws; nullptr for kBranch.
const char* group_field(OpKind kind);

// Throws Error(kSpec) for groups that hold more than follows them, or what no group may hold.
void check_groups(const std::vector<Op>& ops);

// One past the last member of the op at `position`, at any depth; position + 1 for an op that is no group.
size_t end_of(const std::vector<Op>& ops, size_t position);

// Where the members of each branch of the choice at `position` begin.
std::vector<size_t> branches_of(const std::vector<Op>& ops, size_t position);

// Whether the group at `position` applies its members, 0 or 1, or which branch it chooses, from 0.
double draw_group(const OpStream& stream, const std::vector<Op>& ops, size_t position);

// Position of the op that comes next, after the one at `position` has drawn `fields`. Throws Error(kOption) for a
// choice of a branch that there isn't.
size_t next_position(const std::vector<Op>& ops, size_t position, const double* fields);

}  // namespace penstock

#include "engine/groups.h"

#include <cmath>

#include "engine/crops.h"
#include "engine/error.h"

namespace penstock {
namespace {

constexpr int kMaxDepth = 64;

[[noreturn]] void fail(const std::string& reason) { throw Error(Fault::kSpec, reason); }

size_t member_count(const Op& op) { return static_cast<size_t>(op.args[1]); }

class Checker {
 public:
  explicit Checker(const std::vector<Op>& ops) : ops_(ops) {}

  // Checks what lies from `first` to `last`, which are all of a group's members.
  void check_members(size_t first, size_t last, int depth) const {
    if (depth > kMaxDepth) fail("expected groups at most " + std::to_string(kMaxDepth) + " deep; nest them less");
    for (size_t position = first; position < last;) {
      const Op& op = ops_[position];
      if (op.kind == OpKind::kBranch) fail("branch: expected in a choice; put it there");
      if (depth > 0 && (op.kind == OpKind::kToDtype || op.kind == OpKind::kNormalize)) {
        fail("to_dtype, normalize: expected outside groups; move them behind");
      }
      if (depth > 0 && crop_count(op.kind) > 1) {
        fail("five_crop, ten_crop: expected outside groups; move them out");
      }
      position = op.kind == OpKind::kChoice ? check_choice(position, last, depth) : check_op(position, last, depth);
    }
  }

 private:
  // The end of the op, which may be a group but no choice.
  size_t check_op(size_t position, size_t last, int depth) const {
    const Op& op = ops_[position];
    if (!is_group(op.kind)) return position + 1;
    const double weight = op.args[0], members = op.args[1], most = op.kind == OpKind::kApply ? 1 : HUGE_VAL;
    if (!(weight >= 0 && weight <= most && std::isfinite(weight))) fail("apply, branch: expected p from 0, up to 1");
    if (!(members >= 0 && members <= static_cast<double>(last - position - 1) && members == std::floor(members))) {
      fail("apply, branch: expected as many members as follow, got " + std::to_string(members));
    }
    const size_t end = position + 1 + member_count(op);
    check_members(position + 1, end, depth + 1);
    return end;
  }

  size_t check_choice(size_t position, size_t last, int depth) const {
    const double branches = ops_[position].args[0];
    if (!(branches >= 1 && branches == std::floor(branches))) fail("choice: expected at least one branch");
    double total = 0;
    size_t end = position + 1;
    for (double branch = 0; branch < branches; ++branch) {
      if (end >= last || ops_[end].kind != OpKind::kBranch) fail("choice: expected as many branches as it says");
      total += ops_[end].args[0];
      end = check_op(end, last, depth);
    }
    if (!(total > 0 && std::isfinite(total))) fail("choice: expected weights with a sum above 0");
    return end;
  }

  const std::vector<Op>& ops_;
};

}  // namespace

const char* group_field(OpKind kind) {
  if (kind == OpKind::kBranch) return nullptr;
  return kind == OpKind::kApply ? "apply" : "choice";
}

void check_groups(const std::vector<Op>& ops) { Checker(ops).check_members(0, ops.size(), 0); }

size_t end_of(const std::vector<Op>& ops, size_t position) {
  const Op& op = ops[position];
  if (op.kind == OpKind::kApply || op.kind == OpKind::kBranch) return position + 1 + member_count(op);
  size_t end = position + 1;
  if (op.kind == OpKind::kChoice) {
    for (double branch = 0; branch < op.args[0]; ++branch) end = end_of(ops, end);
  }
  return end;
}

std::vector<size_t> branches_of(const std::vector<Op>& ops, size_t position) {
  std::vector<size_t> begins;
  size_t branch = position + 1;
  for (double left = ops[position].args[0]; left > 0; --left) {
    begins.push_back(branch + 1);
    branch = end_of(ops, branch);
  }
  return begins;
}

double draw_group(const OpStream& stream, const std::vector<Op>& ops, size_t position) {
  const Op& op = ops[position];
  const double unit = unit_double(stream.block(0), 0);
  if (op.kind == OpKind::kApply) return unit < op.args[0] ? 1 : 0;
  double total = 0;
  size_t branch = position + 1;
  for (double place = 0; place < op.args[0]; ++place, branch = end_of(ops, branch)) total += ops[branch].args[0];
  // The first branch whose cumulated weight is above the number, or, where rounding leaves none, the last of weight.
  double cumulated = 0, chosen = 0;
  branch = position + 1;
  for (double place = 0; place < op.args[0]; ++place, branch = end_of(ops, branch)) {
    if (ops[branch].args[0] == 0) continue;
    cumulated += ops[branch].args[0];
    chosen = place;
    if (unit * total < cumulated) break;
  }
  return chosen;
}

size_t next_position(const std::vector<Op>& ops, size_t position, const double* fields) {
  const Op& op = ops[position];
  switch (op.kind) {
    case OpKind::kApply:
      return fields[0] != 0 ? position + 1 : end_of(ops, position);
    case OpKind::kBranch:  // reached from the one before it, whose members have run
      return end_of(ops, position);
    case OpKind::kChoice: {
      const double branch = fields[0];
      if (!(branch >= 0 && branch < op.args[0] && branch == std::floor(branch))) {
        throw Error(Fault::kOption, "params: expected a choice from 0 to " +
                                        std::to_string(static_cast<size_t>(op.args[0]) - 1) + ", got " +
                                        std::to_string(branch) + "; draw them with this program");
      }
      size_t chosen = position + 1;
      for (double left = branch; left > 0; --left) chosen = end_of(ops, chosen);
      return chosen + 1;
    }
    default:
      return position + 1;
  }
}

}  // namespace penstock

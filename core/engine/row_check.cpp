#include "engine/row_check.h"

#include <algorithm>
#include <vector>

#include "engine/erasing/ops.h"
#include "engine/stage.h"

namespace penstock {
namespace {

// Where the next function of Python's is, which keeps the size of its image; past the last op without one.
size_t next_function(const Program& program, size_t from) {
  const std::vector<Op>& ops = program.ops();
  const auto is_function = [](const Op& op) { return op.kind == OpKind::kLambda; };
  return static_cast<size_t>(std::find_if(ops.begin() + static_cast<ptrdiff_t>(from), ops.end(), is_function) -
                             ops.begin());
}

}  // namespace

void check_row(const Program& program, const double* row, Size size) {
  const size_t count = program.ops().size();
  Folded folded;
  for (size_t first = 0; first <= count;) {
    const size_t last = next_function(program, first);
    fold(program, row, size, {first, last}, folded);
    size = folded.stages.back().size();
    first = last + 1;
  }
  std::vector<Erasure> erasures;
  for (size_t position = 0; position < count; ++position) {
    const Op& op = program.ops()[position];
    if (is_erasing(op.kind)) append_erasures(op, row + program.column_of(position), size, erasures);
  }
}

}  // namespace penstock

#include "engine/colour/ops.h"

#include <algorithm>

#include "engine/error.h"

namespace penstock {
namespace {

struct ColourOp {
  OpKind kind;
  size_t arguments;
  std::vector<std::string> fields;
};

const ColourOp& description_of(OpKind kind) {
  static const std::vector<ColourOp> known = {
      {OpKind::kRandomInvert, 1, {"apply"}},
  };
  return *std::find_if(known.begin(), known.end(), [kind](const ColourOp& op) { return op.kind == kind; });
}

void check_probability(const Op& op, size_t argument, const std::string& name) {
  const double p = op.args[argument];
  if (p >= 0 && p <= 1) return;
  throw Error(Fault::kSpec, name + ": p: expected a probability from 0 to 1, got " + std::to_string(p));
}

}  // namespace

size_t colour_argument_count(OpKind kind) { return description_of(kind).arguments; }

const std::vector<std::string>& colour_fields(OpKind kind) { return description_of(kind).fields; }

void check_colour_arguments(const Op& op, const std::string& name) { check_probability(op, 0, name); }

void draw_colour(const OpStream& stream, const Op& op, double* fields) {
  fields[0] = unit_double(stream.block(0), 0) < op.args[0] ? 1 : 0;
}

void append_steps(const Op&, const double* fields, std::vector<ColourStep>& steps) {
  if (fields[0] != 0) steps.push_back({ColourKind::kInvert});
}

}  // namespace penstock

#include "engine/program.h"

#include <algorithm>
#include <utility>

#include "engine/crops.h"
#include "engine/erasing/ops.h"
#include "engine/error.h"
#include "engine/groups.h"
#include "engine/mixing/ops.h"
#include "engine/op_checks.h"
#include "engine/op_sizes.h"
#include "engine/padding.h"
#include "engine/random/drawing.h"
#include "engine/step_ops.h"

namespace penstock {
namespace {

constexpr size_t kMaxOps = 65536;  // op positions have 16 bits of the counter

// The size, where both are one.
std::optional<Size> same_size(std::optional<Size> a, std::optional<Size> b) {
  return a && b && *a == *b ? a : std::nullopt;
}

// Fields of the parameter table, in order.
std::vector<std::string> fields_of(const Op& op) {
  switch (op.kind) {
    case OpKind::kRandomResizedCrop:
      return {"x", "y", "width", "height"};
    case OpKind::kRandomCrop:
      return {"x", "y"};
    case OpKind::kRandomHorizontalFlip:
    case OpKind::kRandomVerticalFlip:
      return {"flip"};
    default:
      break;
  }
  if (makes_steps(op.kind)) return step_fields(op);
  if (is_erasing(op.kind)) return erasing_fields(op);
  if (is_mixing(op.kind)) return mixing_fields(op.kind);
  if (is_group(op.kind) && group_field(op.kind) != nullptr) return {group_field(op.kind)};
  return {};
}

// What the op at `position` draws for an image of this size, in the order of its fields.
void draw_fields(const OpStream& stream, const std::vector<Op>& ops, size_t position, Size size, double* fields) {
  const Op& op = ops[position];
  if (op.kind == OpKind::kRandomResizedCrop) {
    const Rect crop = draw_random_resized_crop(stream, op, size);
    fields[0] = crop.x;
    fields[1] = crop.y;
    fields[2] = crop.width;
    fields[3] = crop.height;
  } else if (op.kind == OpKind::kRandomCrop) {
    check_crop_fits(op, size);
    const Corner corner = draw_random_crop(stream, size_after(op, size), size, margins_of(op, size));
    fields[0] = static_cast<double>(corner.x);
    fields[1] = static_cast<double>(corner.y);
  } else if (op.kind == OpKind::kRandomHorizontalFlip || op.kind == OpKind::kRandomVerticalFlip) {
    fields[0] = draw_flip(stream, op) ? 1 : 0;
  } else if (crop_count(op.kind) > 1) {
    check_crops_fit(op, size);
  } else if (makes_steps(op.kind)) {
    draw_step_fields(stream, op, size, fields);
  } else if (op.kind == OpKind::kApply || op.kind == OpKind::kChoice) {
    fields[0] = draw_group(stream, ops, position);
  } else if (is_erasing(op.kind)) {
    draw_erasing(stream, op, size, fields);
  } else if (is_mixing(op.kind)) {
    draw_mixing(stream, op, size, fields);
  }
}

}  // namespace

Program::Program(std::vector<Op> ops, size_t position) : ops_(std::move(ops)), position_(position) {
  if (position_ > kMaxOps || ops_.size() > kMaxOps - position_) {
    throw Error(Fault::kSpec, "expected at most 65536 ops, got " + std::to_string(ops_.size()) + " from position " +
                                  std::to_string(position_) + " on");
  }
  check_groups(ops_);
  check_order(ops_);
  crops_position_ = ops_.size();
  for (size_t position = 0; position < ops_.size(); ++position) {
    const Op& op = ops_[position];
    check_arguments(op, dtype_);
    const std::vector<std::string> fields = fields_of(op);
    first_column_.push_back(fields.empty() ? -1 : static_cast<int>(columns_.size()));
    for (const std::string& field : fields) columns_.push_back(std::to_string(position) + "." + field);
    if (op.kind == OpKind::kToDtype) dtype_ = static_cast<Dtype>(static_cast<int>(op.args[0]));
    if (crop_count(op.kind) > 1) {
      crops_ = crop_count(op.kind);
      crops_position_ = position;
    }
  }
  output_size_ = known_size(0, ops_.size(), std::nullopt);
}

size_t Program::item_bytes() const {
  switch (dtype_) {
    case Dtype::kUint8:
      return 1;
    case Dtype::kFloat32:
      return 4;
    case Dtype::kFloat16:
      return 2;
  }
  return 1;
}

size_t Program::result_bytes() const {
  const Size size = output_size_.value_or(Size{});
  return static_cast<size_t>(3 * crops_) * item_bytes() * static_cast<size_t>(size.height) *
         static_cast<size_t>(size.width);
}

Size Program::size_after(size_t position, Size size) const { return penstock::size_after(ops_[position], size); }

size_t Program::next_run(size_t position, const double* row) const {
  return next_position(ops_, position, row + std::max(0, first_column_[position]));
}

Size Program::result_size(Size decoded, const double* row) const {
  for (size_t position = 0; position < ops_.size(); position = next_run(position, row)) {
    decoded = size_after(position, decoded);
  }
  return decoded;
}

std::optional<Size> Program::known_size(size_t first, size_t last, std::optional<Size> size) const {
  for (size_t position = first; position < last; position = end_of(ops_, position)) {
    size = known_size_after(position, size);
  }
  return size;
}

std::optional<Size> Program::known_size_after(size_t position, std::optional<Size> size) const {
  const OpKind kind = ops_[position].kind;
  const size_t end = end_of(ops_, position);
  if (kind == OpKind::kApply) return same_size(known_size(position + 1, end, size), size);
  if (kind == OpKind::kChoice) {
    const std::vector<size_t> begins = branches_of(ops_, position);
    std::optional<Size> common = known_size(begins[0], end_of(ops_, begins[0] - 1), size);
    for (const size_t begin : begins) common = same_size(common, known_size(begin, end_of(ops_, begin - 1), size));
    return common;
  }
  const bool sizes = kind == OpKind::kRandomResizedCrop || kind == OpKind::kResize || kind == OpKind::kCenterCrop ||
                     kind == OpKind::kRandomCrop || crop_count(kind) > 1;
  const bool changes = kind == OpKind::kResizeShort || kind == OpKind::kPad;
  if (sizes || (changes && size)) return size_after(position, size.value_or(Size{1, 1}));
  return size;
}

void Program::draw(const SampleKey& key, Size decoded, double* row) const {
  if (decoded.height < 1 || decoded.width < 1) {
    throw Error(Fault::kDecode, "expected an image of at least 1x1 px, got " + std::to_string(decoded.width) + "x" +
                                    std::to_string(decoded.height));
  }
  const SampleStream sample(key);
  Size size = decoded;
  std::fill(row, row + columns_.size(), 0.0);
  for (size_t position = 0; position < ops_.size(); position = next_run(position, row)) {
    const OpStream stream(sample, position_ + position);
    double* const fields = row + std::max(0, first_column_[position]);
    draw_fields(stream, ops_, position, size, fields);
    size = size_after(position, size);
  }
}

}  // namespace penstock

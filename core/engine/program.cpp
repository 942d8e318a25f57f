#include "engine/program.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "engine/crops.h"
#include "engine/erasing/ops.h"
#include "engine/error.h"
#include "engine/groups.h"
#include "engine/mixing/ops.h"
#include "engine/padding.h"
#include "engine/random/drawing.h"
#include "engine/step_ops.h"

namespace penstock {
namespace {

constexpr double kMaxSide = 65535;
// Where Pillow refuses an image as a decompression bomb.
constexpr int64_t kMaxPixels = 178956970;
constexpr size_t kMaxOps = 65536;  // op positions have 16 bits of the counter

struct OpName {
  const char* name;
  OpKind kind;
};

constexpr OpName kNames[] = {
    {"random_resized_crop", OpKind::kRandomResizedCrop},
    {"resize", OpKind::kResize},
    {"resize_short", OpKind::kResizeShort},
    {"center_crop", OpKind::kCenterCrop},
    {"random_crop", OpKind::kRandomCrop},
    {"pad", OpKind::kPad},
    {"five_crop", OpKind::kFiveCrop},
    {"ten_crop", OpKind::kTenCrop},
    {"random_horizontal_flip", OpKind::kRandomHorizontalFlip},
    {"random_vertical_flip", OpKind::kRandomVerticalFlip},
    {"to_dtype", OpKind::kToDtype},
    {"normalize", OpKind::kNormalize},
    {"apply", OpKind::kApply},
    {"choice", OpKind::kChoice},
    {"branch", OpKind::kBranch},
    {"random_erasing", OpKind::kRandomErasing},
    {"cutout", OpKind::kCutout},
    {"mix_up", OpKind::kMixUp},
    {"cut_mix", OpKind::kCutMix},
    {"lambda", OpKind::kLambda},
    {"random_invert", OpKind::kRandomInvert},
    {"random_solarize", OpKind::kRandomSolarize},
    {"random_posterize", OpKind::kRandomPosterize},
    {"random_autocontrast", OpKind::kRandomAutocontrast},
    {"random_equalize", OpKind::kRandomEqualize},
    {"random_grayscale", OpKind::kRandomGrayscale},
    {"grayscale", OpKind::kGrayscale},
    {"color_jitter", OpKind::kColorJitter},
    {"random_adjust_sharpness", OpKind::kRandomAdjustSharpness},
    {"gaussian_blur", OpKind::kGaussianBlur},
    {"random_hsl", OpKind::kRandomHsl},
    {"pca_lighting", OpKind::kPcaLighting},
    {"random_rotation", OpKind::kRandomRotation},
    {"random_affine", OpKind::kRandomAffine},
    {"random_perspective", OpKind::kRandomPerspective},
    {"rand_augment", OpKind::kRandAugment},
    {"trivial_augment_wide", OpKind::kTrivialAugmentWide},
    {"auto_augment", OpKind::kAutoAugment},
};

std::string name_of(OpKind kind) {
  for (const OpName& known : kNames) {
    if (known.kind == kind) return known.name;
  }
  return "?";
}

std::string to_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

[[noreturn]] void refuse(const Op& op, const std::string& argument, const std::string& expected, double got) {
  throw Error(Fault::kSpec, name_of(op.kind) + ": " + argument + ": expected " + expected + ", got " + to_text(got));
}

void check_side(const Op& op, size_t argument, const char* name, double lowest = 1) {
  const double value = op.args[argument];
  if (!(value >= lowest && value <= kMaxSide && value == std::floor(value))) {
    refuse(op, name, "a whole number of pixels from " + to_text(lowest) + " to 65535", value);
  }
}

void check_range(const Op& op, size_t first, const std::string& name, bool may_be_zero) {
  const double low = op.args[first], high = op.args[first + 1];
  if (!(std::isfinite(low) && (may_be_zero ? low >= 0 : low > 0))) {
    refuse(op, name + "_min", may_be_zero ? "a finite number, 0 or more" : "a finite number above 0", low);
  }
  if (!(std::isfinite(high) && high > 0 && high >= low)) {
    refuse(op, name + "_max", "a finite number above 0, not below " + name + "_min", high);
  }
}

void check_among(const Op& op, size_t argument, const char* name, int last) {
  const double value = op.args[argument];
  if (!(value >= 0 && value <= last && value == std::floor(value))) {
    refuse(op, name, "a whole number from 0 to " + std::to_string(last), value);
  }
}

void check_padding(const Op& op, size_t first) {
  static constexpr const char* kMargins[] = {"left", "top", "right", "bottom"};
  static constexpr const char* kFill[] = {"fill_0", "fill_1", "fill_2"};
  for (size_t i = 0; i < 4; ++i) check_side(op, first + i, kMargins[i], 0);
  check_among(op, first + 4, "mode", 3);
  for (size_t i = 0; i < 3; ++i) check_among(op, first + 5 + i, kFill[i], 255);
}

void check_normalize(const Op& op) {
  for (size_t channel = 0; channel < 3; ++channel) {
    const double mean = op.args[channel], deviation = op.args[channel + 3];
    if (!std::isfinite(mean)) refuse(op, "mean_" + std::to_string(channel), "a finite number", mean);
    if (!(std::isfinite(deviation) && deviation > 0)) {
      refuse(op, "std_" + std::to_string(channel), "a finite number above 0", deviation);
    }
  }
}

// `result`: the type of what reaches the op.
void check_arguments(const Op& op, Dtype result) {
  switch (op.kind) {
    case OpKind::kRandomResizedCrop:
      check_range(op, 2, "scale", true);
      check_range(op, 4, "ratio", false);
      check_among(op, 6, "filter", kLastResizeFilter);
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      return;
    case OpKind::kResize:
      check_among(op, 2, "filter", kLastResizeFilter);
      [[fallthrough]];
    case OpKind::kCenterCrop:
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      return;
    case OpKind::kFiveCrop:
    case OpKind::kTenCrop:
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      check_among(op, 2, "vertical_flip", 1);
      return;
    case OpKind::kResizeShort:
      check_among(op, 2, "filter", kLastResizeFilter);
      check_side(op, 0, "short");
      check_side(op, 1, "max_size", 0);
      if (op.args[1] != 0 && op.args[1] < op.args[0]) refuse(op, "max_size", "0 or at least `short`", op.args[1]);
      return;
    case OpKind::kRandomCrop:
      check_side(op, 0, "height");
      check_side(op, 1, "width");
      check_padding(op, 2);
      check_among(op, 10, "pad_if_needed", 1);
      return;
    case OpKind::kPad:
      check_padding(op, 0);
      return;
    case OpKind::kRandomHorizontalFlip:
    case OpKind::kRandomVerticalFlip:
      if (!(op.args[0] >= 0 && op.args[0] <= 1)) refuse(op, "p", "a probability from 0 to 1", op.args[0]);
      return;
    case OpKind::kToDtype:
      check_among(op, 0, "dtype", 2);
      check_among(op, 1, "scale", 1);
      return;
    case OpKind::kNormalize:
      check_normalize(op);
      return;
    case OpKind::kApply:
    case OpKind::kChoice:
    case OpKind::kBranch:
      return;  // with their members, by check_groups
    case OpKind::kRandomErasing:
    case OpKind::kCutout:
      check_erasing_arguments(op, name_of(op.kind), result);
      return;
    case OpKind::kMixUp:
    case OpKind::kCutMix:
      check_mixing_arguments(op, name_of(op.kind));
      return;
    case OpKind::kLambda:
      return;
    default:
      check_step_arguments(op, name_of(op.kind));
  }
}

// Moves or changes pixels, at most one to_dtype, at most one normalize of floats, erasing, at most one that mixes
// batches: in this order.
void check_order(const std::vector<Op>& ops) {
  const auto fail = [](const std::string& reason) { throw Error(Fault::kSpec, reason); };
  const Op* crops = nullptr;
  const Op* conversion = nullptr;
  const Op* normalization = nullptr;
  const Op* erasing = nullptr;
  const Op* mixing = nullptr;
  for (const Op& op : ops) {
    if (mixing != nullptr) fail(name_of(op.kind) + ": expected nothing after " + name_of(mixing->kind));
    if (op.kind == OpKind::kLambda) continue;  // anywhere before
    if (is_mixing(op.kind)) mixing = &op;
    if (is_erasing(op.kind)) erasing = &op;
    if (is_mixing(op.kind) || is_erasing(op.kind)) continue;
    if (erasing != nullptr) fail(name_of(op.kind) + ": expected before " + name_of(erasing->kind) + "; move it there");
    const bool last_steps = op.kind == OpKind::kToDtype || op.kind == OpKind::kNormalize;
    if (normalization != nullptr) fail(name_of(op.kind) + ": expected nothing after normalize; move it before");
    if (!last_steps && conversion != nullptr) fail(name_of(op.kind) + ": expected before to_dtype; move it there");
    if (op.kind == OpKind::kToDtype && conversion != nullptr) fail("to_dtype: expected at most one; remove the other");
    if (crop_count(op.kind) > 1 && crops != nullptr) fail(name_of(op.kind) + ": expected after no other; keep one");
    if (crop_count(op.kind) > 1) crops = &op;
    if (op.kind == OpKind::kToDtype) conversion = &op;
    if (op.kind == OpKind::kNormalize) normalization = &op;
  }
  if (normalization != nullptr && (conversion == nullptr || conversion->args[0] == 0)) {
    fail("normalize: expected floats, got uint8; put to_dtype with a float dtype before it");
  }
}

// The size, where both are one.
std::optional<Size> same_size(std::optional<Size> a, std::optional<Size> b) {
  return a && b && *a == *b ? a : std::nullopt;
}

std::string size_text(int64_t height, int64_t width) {
  return "(" + std::to_string(height) + ", " + std::to_string(width) + ")";
}

// A size that an op gives, unless it is larger than memory should be asked for.
Size checked_result(const Op& op, int64_t height, int64_t width, Size given, const char* fix) {
  if (width * height > kMaxPixels) {
    throw Error(Fault::kDecode, name_of(op.kind) + " would make " + std::to_string(width) + "x" +
                                    std::to_string(height) + " px of an image of " + std::to_string(given.width) + "x" +
                                    std::to_string(given.height) + " px; " + fix);
  }
  return {static_cast<int>(height), static_cast<int>(width)};
}

// torchvision's rule for Resize(short, max_size=...), in integers (equal to its division in doubles at these sizes).
Size resize_short(const Op& op, Size size) {
  const auto short_side = static_cast<int64_t>(std::min(size.height, size.width));
  const auto long_side = static_cast<int64_t>(std::max(size.height, size.width));
  auto new_short = static_cast<int64_t>(op.args[0]);
  const auto max_size = static_cast<int64_t>(op.args[1]);
  int64_t new_long = new_short * long_side / short_side;
  if (max_size != 0 && new_long > max_size) {
    new_short = std::max<int64_t>(1, max_size * new_short / new_long);
    new_long = max_size;
  }
  const bool upright = size.width <= size.height;
  const int64_t width = upright ? new_short : new_long;
  const int64_t height = upright ? new_long : new_short;
  return checked_result(op, height, width, size, "leave the image out, or give max_size");
}

Size padded(const Op& op, Size size) {
  const Margins margins = margins_of(op, size);
  return checked_result(op, size.height + margins.top + margins.bottom, size.width + margins.left + margins.right, size,
                        "leave the image out, or pad less");
}

void check_crop_fits(const Op& op, Size image) {
  const Margins margins = margins_of(op, image);
  const int64_t height = image.height + margins.top + margins.bottom;
  const int64_t width = image.width + margins.left + margins.right;
  const auto crop_height = static_cast<int64_t>(op.args[0]), crop_width = static_cast<int64_t>(op.args[1]);
  if (crop_height <= height && crop_width <= width) return;
  throw Error(Fault::kDecode, "RandomCrop: size must fit the image, which is " + size_text(height, width) +
                                  " (height, width) in pixels, padding included, got " +
                                  size_text(crop_height, crop_width) +
                                  "; give pad_if_needed=True or more padding, or put a Resize before it");
}

}  // namespace

ResizeFilter resize_filter_of(const Op& op) {
  return static_cast<ResizeFilter>(static_cast<int>(op.args[op.kind == OpKind::kRandomResizedCrop ? 6 : 2]));
}

OpKind Program::kind_of(const std::string& name) {
  std::string names;
  for (const OpName& known : kNames) {
    if (name == known.name) return known.kind;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  throw Error(Fault::kSpec, "expected an op of " + names + ", got \"" + name + "\"");
}

Program::Program(std::vector<Op> ops, size_t position) : ops_(std::move(ops)), position_(position) {
  if (position_ > kMaxOps || ops_.size() > kMaxOps - position_) {
    throw Error(Fault::kSpec, "expected at most 65536 ops, got " + std::to_string(ops_.size()) + " from position " +
                                  std::to_string(position_) + " on");
  }
  check_order(ops_);
  check_groups(ops_);
  crops_position_ = ops_.size();
  for (size_t position = 0; position < ops_.size(); ++position) {
    const Op& op = ops_[position];
    check_arguments(op, dtype_);
    const std::string prefix = std::to_string(position) + ".";
    const auto column = static_cast<int>(columns_.size());
    first_column_.push_back(-1);
    if (op.kind == OpKind::kRandomResizedCrop) {
      for (const char* field : {"x", "y", "width", "height"}) columns_.push_back(prefix + field);
      first_column_.back() = column;
    } else if (op.kind == OpKind::kRandomCrop) {
      for (const char* field : {"x", "y"}) columns_.push_back(prefix + field);
      first_column_.back() = column;
    } else if (op.kind == OpKind::kRandomHorizontalFlip || op.kind == OpKind::kRandomVerticalFlip) {
      columns_.push_back(prefix + "flip");
      first_column_.back() = column;
    } else if (makes_steps(op.kind)) {
      const std::vector<std::string> fields = step_fields(op);
      for (const std::string& field : fields) columns_.push_back(prefix + field);
      if (!fields.empty()) first_column_.back() = column;
    } else if (is_group(op.kind)) {
      if (group_field(op.kind) != nullptr) {
        columns_.push_back(prefix + group_field(op.kind));
        first_column_.back() = column;
      }
    } else if (is_erasing(op.kind) || is_mixing(op.kind)) {
      const auto fields = is_erasing(op.kind) ? erasing_fields(op) : mixing_fields(op.kind);
      for (const std::string& field : fields) columns_.push_back(prefix + field);
      first_column_.back() = column;
    } else if (crop_count(op.kind) > 1) {
      crops_ = crop_count(op.kind);
      crops_position_ = position;
    } else if (op.kind == OpKind::kToDtype) {
      dtype_ = static_cast<Dtype>(static_cast<int>(op.args[0]));
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

Size Program::size_after(size_t position, Size size) const {
  const Op& op = ops_[position];
  switch (op.kind) {
    case OpKind::kRandomResizedCrop:
    case OpKind::kResize:
    case OpKind::kCenterCrop:
    case OpKind::kRandomCrop:
    case OpKind::kFiveCrop:
    case OpKind::kTenCrop:
      return {static_cast<int>(op.args[0]), static_cast<int>(op.args[1])};
    case OpKind::kResizeShort:
      return resize_short(op, size);
    case OpKind::kPad:
      return padded(op, size);
    case OpKind::kRandomHorizontalFlip:
    case OpKind::kRandomVerticalFlip:
    case OpKind::kToDtype:
    case OpKind::kNormalize:
    default:
      return size;
  }
}

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
    const Op& op = ops_[position];
    const OpStream stream(sample, position_ + position);
    double* const fields = row + std::max(0, first_column_[position]);
    if (op.kind == OpKind::kRandomResizedCrop) {
      const Rect crop = draw_random_resized_crop(stream, op, size);
      fields[0] = crop.x;
      fields[1] = crop.y;
      fields[2] = crop.width;
      fields[3] = crop.height;
    } else if (op.kind == OpKind::kRandomCrop) {
      check_crop_fits(op, size);
      const Corner corner = draw_random_crop(stream, size_after(position, size), size, margins_of(op, size));
      fields[0] = static_cast<double>(corner.x);
      fields[1] = static_cast<double>(corner.y);
    } else if (op.kind == OpKind::kRandomHorizontalFlip || op.kind == OpKind::kRandomVerticalFlip) {
      fields[0] = draw_flip(stream, op) ? 1 : 0;
    } else if (crop_count(op.kind) > 1) {
      check_crops_fit(op, size);
    } else if (makes_steps(op.kind)) {
      draw_step_fields(stream, op, size, fields);
    } else if (op.kind == OpKind::kApply || op.kind == OpKind::kChoice) {
      fields[0] = draw_group(stream, ops_, position);
    } else if (is_erasing(op.kind)) {
      draw_erasing(stream, op, size, fields);
    } else if (is_mixing(op.kind)) {
      draw_mixing(stream, op, size, fields);
    }
    size = size_after(position, size);
  }
}

}  // namespace penstock

#include "engine/op_sizes.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/error.h"
#include "engine/padding.h"

namespace penstock {
namespace {

// Where Pillow refuses an image as a decompression bomb.
constexpr int64_t kMaxPixels = 178956970;

std::string size_text(int64_t height, int64_t width) {
  return "(" + std::to_string(height) + ", " + std::to_string(width) + ")";
}

// A size that an op gives, unless it is larger than memory should be asked for.
Size checked_result(const Op& op, int64_t height, int64_t width, Size given, const char* fix) {
  if (width * height > kMaxPixels) {
    throw Error(Fault::kDecode, op_name(op.kind) + " would make " + std::to_string(width) + "x" +
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

}  // namespace

ResizeFilter resize_filter_of(const Op& op) {
  return static_cast<ResizeFilter>(static_cast<int>(op.args[op.kind == OpKind::kRandomResizedCrop ? 6 : 2]));
}

Size size_after(const Op& op, Size size) {
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

}  // namespace penstock

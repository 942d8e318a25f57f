#include "engine/crops.h"

#include <string>

#include "engine/error.h"

namespace penstock {
namespace {

constexpr int kCorners = 4;
constexpr int kCropsOfFive = 5;

std::string size_text(int height, int width) {
  return "(" + std::to_string(height) + ", " + std::to_string(width) + ")";
}

Size crop_size(const Op& op) { return {static_cast<int>(op.args[0]), static_cast<int>(op.args[1])}; }

}  // namespace

int crop_count(OpKind kind) {
  if (kind == OpKind::kFiveCrop) return kCropsOfFive;
  return kind == OpKind::kTenCrop ? 2 * kCropsOfFive : 1;
}

void check_crops_fit(const Op& op, Size image) {
  const Size crop = crop_size(op);
  if (crop.height <= image.height && crop.width <= image.width) return;
  throw Error(Fault::kDecode, std::string(op.kind == OpKind::kFiveCrop ? "FiveCrop" : "TenCrop") +
                                  ": size must fit the image, which is " + size_text(image.height, image.width) +
                                  " (height, width) in pixels, got " + size_text(crop.height, crop.width) +
                                  "; give a smaller size, or put a Resize before it");
}

Crop crop_of(const Op& op, Size image, int number) {
  const Size crop = crop_size(op);
  const bool mirrored = number >= kCropsOfFive;
  const bool upside_down = op.args[2] != 0;
  const int place = number % kCropsOfFive;
  const int right = image.width - crop.width, bottom = image.height - crop.height;
  const int x = place < kCorners ? place % 2 * right : center_offset(image.width, crop.width);
  const int y = place < kCorners ? place / 2 * bottom : center_offset(image.height, crop.height);
  return {mirrored && !upside_down, mirrored && upside_down, {x, y, crop.width, crop.height}};
}

int center_offset(int side, int crop) {
  if (crop > side) return -((crop - side) / 2);
  const int rest = side - crop;
  const int half = rest / 2;
  return rest % 2 != 0 ? half + half % 2 : half;  // Python's round: halves to the even neighbour
}

}  // namespace penstock

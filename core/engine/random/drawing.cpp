#include "engine/random/drawing.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

double uniform(double low, double high, double unit) { return low + unit * (high - low); }

// An integer in [0, count). `unit` < 1 keeps the rounded product below `count` for every count < 2^53.
int64_t integer_below(int64_t count, double unit) { return static_cast<int64_t>(unit * static_cast<double>(count)); }

Rect centred(Size image, Size crop) {
  return {(image.width - crop.width) / 2, (image.height - crop.height) / 2, crop.width, crop.height};
}

// What torchvision takes after ten failures: the largest central crop whose aspect ratio is allowed. A side that would
// round to 0 (where torchvision fails) is 1.
Rect central_crop(Size image, double ratio_min, double ratio_max) {
  const double ratio = static_cast<double>(image.width) / image.height;
  Size crop = image;
  if (ratio < ratio_min) {
    crop.height = std::max(1, static_cast<int>(std::nearbyint(image.width / ratio_min)));
  } else if (ratio > ratio_max) {
    crop.width = std::max(1, static_cast<int>(std::nearbyint(image.height * ratio_max)));
  }
  return centred(image, crop);
}

}  // namespace

SampleStream::SampleStream(const SampleKey& key) : view_(key.view) {
  const auto index = static_cast<uint64_t>(key.index);
  const auto draw = static_cast<uint64_t>(key.draw);
  const PhiloxBlock a =
      philox({low_word(key.seed), high_word(key.seed)},
             {low_word(index), high_word(index), key.epoch, static_cast<uint32_t>(Purpose::kAugmentation)});
  state_ = philox({a[0], a[1]}, {low_word(draw), high_word(draw), a[2], a[3]});
}

PhiloxBlock SampleStream::block(uint32_t op_position, uint32_t number) const {
  return philox({state_[0], state_[1]}, {number, op_position | view_ << 16, state_[2], state_[3]});
}

Rect draw_random_resized_crop(const OpStream& stream, const Op& op, Size image) {
  constexpr uint32_t kTries = 10;
  const double scale_min = op.args[2], scale_max = op.args[3], ratio_min = op.args[4], ratio_max = op.args[5];
  const double area = static_cast<double>(image.height) * image.width;
  const double log_min = std::log(ratio_min), log_max = std::log(ratio_max);
  for (uint32_t attempt = 0; attempt < kTries; ++attempt) {
    const PhiloxBlock shape = stream.block(2 * attempt);
    const double target = area * uniform(scale_min, scale_max, unit_double(shape, 0));
    const double aspect = std::exp(uniform(log_min, log_max, unit_double(shape, 1)));
    const double width = std::nearbyint(std::sqrt(target * aspect));  // half to even, as Python's round
    const double height = std::nearbyint(std::sqrt(target / aspect));
    if (!(0 < width && width <= image.width && 0 < height && height <= image.height)) continue;
    const Size crop{static_cast<int>(height), static_cast<int>(width)};
    const PhiloxBlock place = stream.block(2 * attempt + 1);
    const int64_t y = integer_below(image.height - crop.height + 1, unit_double(place, 0));
    const int64_t x = integer_below(image.width - crop.width + 1, unit_double(place, 1));
    return {static_cast<int>(x), static_cast<int>(y), crop.width, crop.height};
  }
  return central_crop(image, ratio_min, ratio_max);
}

Corner draw_random_crop(const OpStream& stream, Size crop, Size image, const Margins& margins) {
  const PhiloxBlock place = stream.block(0);
  const int64_t rows = image.height + margins.top + margins.bottom - crop.height + 1;
  const int64_t columns = image.width + margins.left + margins.right - crop.width + 1;
  return {integer_below(columns, unit_double(place, 1)) - margins.left,
          integer_below(rows, unit_double(place, 0)) - margins.top};
}

bool draw_flip(const OpStream& stream, const Op& op) { return unit_double(stream.block(0), 0) < op.args[0]; }

}  // namespace penstock

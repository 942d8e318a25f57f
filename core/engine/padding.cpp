#include "engine/padding.h"

#include <algorithm>
#include <cstddef>

#include "engine/program.h"

namespace penstock {
namespace {

// Where the padding's arguments begin.
size_t first_argument(const Op& op) { return op.kind == OpKind::kRandomCrop ? 2 : 0; }

int64_t remainder(int64_t value, int64_t by) { return (value % by + by) % by; }

}  // namespace

Margins margins_of(const Op& op, Size image) {
  const double* const args = op.args.data() + first_argument(op);
  Margins margins{static_cast<int64_t>(args[0]), static_cast<int64_t>(args[1]), static_cast<int64_t>(args[2]),
                  static_cast<int64_t>(args[3])};
  if (op.kind == OpKind::kRandomCrop && op.args[10] != 0) {
    // torchvision's pad_if_needed: both sides get all that is missing.
    const int64_t height = int64_t{image.height} + margins.top + margins.bottom;
    const int64_t width = int64_t{image.width} + margins.left + margins.right;
    const auto missing_height = std::max<int64_t>(static_cast<int64_t>(op.args[0]) - height, 0);
    const auto missing_width = std::max<int64_t>(static_cast<int64_t>(op.args[1]) - width, 0);
    margins = {margins.left + missing_width, margins.top + missing_height, margins.right + missing_width,
               margins.bottom + missing_height};
  }
  return margins;
}

Padding padding_of(const Op& op) {
  const double* const args = op.args.data() + first_argument(op) + 4;
  Padding padding{static_cast<PaddingMode>(static_cast<int>(args[0])), {}};
  for (size_t channel = 0; channel < 3; ++channel) padding.fill[channel] = static_cast<uint8_t>(args[1 + channel]);
  return padding;
}

int padded_position(PaddingMode mode, int length, int64_t position) {
  const int64_t last = length - 1;
  if (mode == PaddingMode::kReflect && last > 0) {
    const int64_t place = remainder(position, 2 * last);
    return static_cast<int>(std::min(place, 2 * last - place));
  }
  if (mode == PaddingMode::kSymmetric) {
    const int64_t place = remainder(position, 2 * int64_t{length});
    return static_cast<int>(std::min(place, 2 * int64_t{length} - 1 - place));
  }
  return static_cast<int>(std::clamp<int64_t>(position, 0, last));
}

}  // namespace penstock

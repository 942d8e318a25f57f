#include "engine/dct/encoder_rows.h"

#include <cstring>

#include "engine/simd.h"

namespace penstock {

bool BaselineRows::open(Bytes jpeg) {
  // One block a group, row by row: the portable kernels' layout is libjpeg's.
  if (!header_.parse(jpeg) || !scan_.start(header_, jpeg, simd_level(), block_kernels(SimdLevel::kPortable))) {
    return false;
  }
  std::array<size_t, kMaxComponents> offsets{};
  for (int c = 0; c < header_.frame.component_count; ++c) {
    const DctComponent& component = header_.frame.components[c];
    targets_[c].stride = ptrdiff_t{header_.mcus_in_row()} * component.horizontal * kBlockItems;
    offsets[c] = items_;
    items_ += static_cast<size_t>(targets_[c].stride) * static_cast<size_t>(component.vertical);
  }
  int16_t* const blocks = blocks_.reserve(items_);
  for (int c = 0; c < header_.frame.component_count; ++c) {
    targets_[c].groups = blocks + offsets[c];
    scan_.set_target(c, targets_[c]);
  }
  return true;
}

bool BaselineRows::next() {
  std::memset(targets_[0].groups, 0, items_ * sizeof(int16_t));
  if (!scan_.read_row(0, header_.mcus_in_row())) return false;
  return ++rows_ready_ < header_.frame.mcu_rows || scan_.at_end();
}

const Block* BaselineRows::row(int component, int block_row) {
  const int first = (rows_ready_ - 1) * header_.frame.components[component].vertical;
  const BlockTarget& target = targets_[component];
  return reinterpret_cast<const Block*>(target.groups + (block_row - first) * target.stride);
}

}  // namespace penstock

#include "engine/jpeg/baseline_decoder.h"

#include <algorithm>
#include <cstring>

#include "engine/dct/decoder.h"
#include "engine/rounding.h"

namespace penstock {
namespace {

constexpr size_t kAlignment = 64;  // of groups, in bytes

int16_t* aligned(int16_t* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  return memory + (kAlignment - address % kAlignment) % kAlignment / sizeof(int16_t);
}

}  // namespace

std::optional<Planes> BaselineDecoder::decode(Bytes data, Rect region) {
  const SimdLevel level = simd_level();
  kernels_ = &block_kernels(level);
  if (!scan_.start(header_, data, level, *kernels_)) return std::nullopt;
  prepare(region);
  const RowRange rows = rows_for(header_.frame, region);
  const Columns columns = columns_for();
  place_groups(columns);
  for (int row = 0; row < rows.first; ++row) {
    if (!scan_.read_row(0, 0)) return std::nullopt;
  }
  for (int row = rows.first; row < rows.last; ++row) {
    std::memset(groups_, 0, group_items_ * sizeof(int16_t));
    if (!scan_.read_row(columns.first, columns.last)) return std::nullopt;
    for (int c = 0; c < header_.frame.component_count; ++c) invert(c, row);
    planes_.finish_mcu_row(row);
  }
  return planes_.pixels();
}

void BaselineDecoder::prepare(Rect region) {
  const DctFrame& frame = header_.frame;
  planes_.prepare(frame, region, kernels_->lanes);
  for (int c = 0; c < frame.component_count; ++c) {
    for (size_t i = 0; i < kBlockItems; ++i) {
      quantization_[c][kernels_->place[i]] = static_cast<int16_t>(frame.components[c].quantization[i]);
    }
  }
}

BaselineDecoder::Columns BaselineDecoder::columns_for() const {
  Columns columns{header_.mcus_in_row(), 0};
  for (int c = 0; c < header_.frame.component_count; ++c) {
    const Rect& blocks = planes_.blocks(c);
    const int horizontal = header_.frame.components[c].horizontal;
    columns.first = std::min(columns.first, blocks.x / horizontal);
    columns.last = std::max(columns.last, (blocks.x + blocks.width - 1) / horizontal + 1);
  }
  return columns;
}

// Room for the blocks of an MCU row, whole groups in each row of blocks.
void BaselineDecoder::place_groups(Columns columns) {
  const int lanes = kernels_->lanes;
  group_items_ = 0;
  std::array<size_t, kMaxComponents> offsets{};
  for (int c = 0; c < header_.frame.component_count; ++c) {
    const DctComponent& component = header_.frame.components[c];
    BlockTarget& target = targets_[c];
    target.first_block = rounded_down(columns.first * component.horizontal, lanes);
    const int last_block = rounded_up(columns.last * component.horizontal, lanes);
    target.stride = ptrdiff_t{last_block - target.first_block} * kBlockItems;
    offsets[c] = group_items_;
    group_items_ += static_cast<size_t>(target.stride) * static_cast<size_t>(component.vertical);
  }
  groups_ = aligned(memory_.reserve(group_items_ + kAlignment));
  for (int c = 0; c < header_.frame.component_count; ++c) {
    targets_[c].groups = groups_ + offsets[c];
    scan_.set_target(c, targets_[c]);
  }
}

// From coefficients to samples.
void BaselineDecoder::invert(int component, int mcu_row) {
  const Rect& blocks = planes_.blocks(component);
  const BlockTarget& target = targets_[component];
  const BlockRows rows = block_rows_of(header_.frame.components[component], mcu_row);
  const int first = std::max(rows.first, blocks.y), last = std::min(rows.first + rows.count, blocks.y + blocks.height);
  for (int y = first; y < last; ++y) {
    const int16_t* const row = target.groups + (y - rows.first) * target.stride;
    for (int x = blocks.x; x < blocks.x + blocks.width; x += kernels_->lanes) {
      kernels_->inverse(row + ptrdiff_t{x - target.first_block} * kBlockItems, quantization_[component].data(),
                        planes_.at(component, y, x), planes_.stride(component));
    }
  }
}

}  // namespace penstock

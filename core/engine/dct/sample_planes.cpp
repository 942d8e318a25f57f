#include "engine/dct/sample_planes.h"

#include <algorithm>
#include <cstring>

#include "engine/rounding.h"

namespace penstock {
namespace {

constexpr ptrdiff_t kLine = 64;  // what kernels may touch before and after a row

struct Steps {
  int x;
  int y;
};

Steps steps_of(const DctFrame& frame, int c) {
  const DctComponent& component = frame.components[c];
  return {frame.max_horizontal / component.horizontal, frame.max_vertical / component.vertical};
}

// As jdsample.c chooses.
bool is_fancy(Steps steps, Size samples) {
  if (steps.x == 1) return steps.y == 2;
  return steps.x == 2 && steps.y <= 2 && samples.width > 2;
}

int first_column_for(const DctFrame& frame, Rect region) { return rounded_down(region.x, frame.max_horizontal); }

}  // namespace

Rect blocks_for(const DctFrame& frame, int c, Rect region, int lanes) {
  const Size samples = frame.components[c].samples;
  const Steps steps = steps_of(frame, c);
  const bool fancy = is_fancy(steps, samples);
  const int bottom = region.y + region.height;
  int left = first_column_for(frame, region) / steps.x, right = divided_up(region.x + region.width, steps.x);
  int top = region.y / steps.y, below = divided_up(bottom, steps.y);
  if (fancy && steps.x == 2) left -= 1, right += 1;
  if (fancy && steps.y == 2) top -= region.y % 2 == 0, below += bottom % 2 == 0;
  left = std::max(left, 0), right = std::min(right, samples.width);
  top = std::max(top, 0), below = std::min(below, samples.height);
  const int x = rounded_down(left / kBlockSide, lanes), y = top / kBlockSide;
  return {x, y, divided_up(right, kBlockSide) - x, divided_up(below, kBlockSide) - y};
}

void SamplePlanes::prepare(const DctFrame& frame, Rect region, int lanes) {
  kernels_ = &plane_kernels(simd_level());
  color_ = frame.color;
  component_count_ = frame.component_count;
  mcu_height_ = frame.max_vertical * kBlockSide;
  region_ = region;
  origin_x_ = rounded_down(region.x, lanes * kBlockSide);
  first_column_ = first_column_for(frame, region);
  next_row_ = region.y;
  pixel_stride_ = rounded_up<ptrdiff_t>(rounded_up(right() - origin_x_, lanes * kBlockSide), kLine) + kLine;
  describe(frame, lanes);
  allocate();
}

void SamplePlanes::describe(const DctFrame& frame, int lanes) {
  rows_withheld_ = last_mcu_row_ = 0;
  for (int c = 0; c < component_count_; ++c) {
    Part& part = parts_[static_cast<size_t>(c)];
    const Steps steps = steps_of(frame, c);
    part.step_x = steps.x;
    part.step_y = steps.y;
    part.samples = frame.components[c].samples;
    part.fancy = is_fancy(steps, part.samples);
    part.blocks = blocks_for(frame, c, region_, lanes);
    const ptrdiff_t width = ptrdiff_t{rounded_up(part.blocks.width, lanes)} * kBlockSide;
    part.stride = part.is_whole() ? pixel_stride_ : rounded_up(width, kLine) + kLine;
    if (part.fancy && steps.y == 2) rows_withheld_ = 1;
    const int last_block_row = part.blocks.y + part.blocks.height - 1;
    last_mcu_row_ = std::max(last_mcu_row_, last_block_row / frame.components[c].vertical);
  }
}

void SamplePlanes::allocate() {
  std::array<size_t, kMaxComponents> sample_bytes = {}, pixel_bytes = {};
  size_t total = kReadAhead;
  for (int c = 0; c < component_count_; ++c) {
    const Part& part = parts_[static_cast<size_t>(c)];
    sample_bytes[c] = kLine + static_cast<size_t>(part.stride) * part.blocks.height * kBlockSide;
    if (!part.is_whole()) pixel_bytes[c] = static_cast<size_t>(pixel_stride_) * region_.height;
    total += sample_bytes[c] + pixel_bytes[c];
  }
  uint8_t* next = memory_.reserve(total);
  for (int c = 0; c < component_count_; ++c) {
    Part& part = parts_[static_cast<size_t>(c)];
    part.data = next + kLine;
    part.pixels = part.is_whole() ? part.data : next + sample_bytes[c];
    part.pixel_y = part.is_whole() ? part.blocks.y * kBlockSide : region_.y;
    next += sample_bytes[c] + pixel_bytes[c];
  }
}

void SamplePlanes::finish_mcu_row(int mcu_row) {
  const int complete = mcu_row == last_mcu_row_ ? bottom() : (mcu_row + 1) * mcu_height_ - rows_withheld_;
  const int to = std::min(complete, bottom());
  if (to > next_row_) finish_rows(next_row_, to);
  next_row_ = std::max(next_row_, to);
}

void SamplePlanes::finish_rows(int from, int to) {
  const int column = first_column_ - origin_x_;
  for (int y = from; y < to; ++y) {
    std::array<uint8_t*, kMaxComponents> rows = {};
    for (int c = 0; c < component_count_; ++c) {
      const Part& part = parts_[static_cast<size_t>(c)];
      if (!part.is_whole()) upsample(part, y);
      rows[c] = pixel_row(part, y) + column;
    }
    if (color_ == ColorModel::kYcc) kernels_->ycc_to_rgb(rows[0], rows[1], rows[2], right() - first_column_);
  }
}

// Samples first <= x < last of a row; those at the edges of the image have a copy beside them.
uint8_t* SamplePlanes::padded_row(const Part& part, int sample_row, int first, int last) const {
  const int clamped = std::clamp(sample_row, 0, part.samples.height - 1);
  uint8_t* const row = part.row(clamped) - part.blocks.x * kBlockSide;  // of sample 0, which may not be there
  if (first == 0) row[-1] = row[0];
  if (last == part.samples.width) row[last] = row[last - 1];
  return row + first;
}

void SamplePlanes::upsample(const Part& part, int y) {
  const int first = first_column_ / part.step_x, last = divided_up(right(), part.step_x);
  const int sample_row = y / part.step_y;
  uint8_t* const out = pixel_row(part, y) + (first_column_ - origin_x_);
  const uint8_t* const near = padded_row(part, sample_row, first, last);
  if (!part.fancy) {
    for (int x = 0; x < last - first; ++x) std::memset(out + ptrdiff_t{x} * part.step_x, near[x], part.step_x);
    return;
  }
  if (part.step_y == 1) {
    kernels_->upsample_h2v1(near, last - first, out);
    return;
  }
  const bool above = y % 2 == 0;
  const uint8_t* const far = padded_row(part, above ? sample_row - 1 : sample_row + 1, first, last);
  if (part.step_x == 1) {
    kernels_->upsample_h1v2(near, far, above, last - first, out);
  } else {
    kernels_->upsample_h2v2(near, far, last - first, out);
  }
}

Planes SamplePlanes::pixels() const {
  Planes planes;
  planes.size = {region_.height, region_.width};
  planes.stride = pixel_stride_;
  for (size_t c = 0; c < planes.data.size(); ++c) {
    const Part& part = parts_[component_count_ == 1 ? 0 : c];
    planes.data[c] = pixel_row(part, region_.y) + (region_.x - origin_x_);
  }
  return planes;
}

}  // namespace penstock

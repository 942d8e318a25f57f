#include "engine/pixels/resample.h"

#include <algorithm>

namespace penstock {
namespace {

// Binary places of what lies between the passes: 7, less where the weights of the second pass need the bits. 8 bits of
// a pixel, these and the weights' make 31.
int places_between(int column_bits) { return std::min(7, 23 - column_bits); }

}  // namespace

Rect Resampler::reach(Size source, Size target, Rect window) {
  const InputRange columns = inputs_of(source.width, target.width, window.x, window.width);
  const InputRange rows = inputs_of(source.height, target.height, window.y, window.height);
  return {columns.first, rows.first, columns.count, rows.count};
}

Rect Resampler::prepare(Size source, Size target, Rect window, bool flip) {
  kernels_ = &resample_kernels(simd_level());
  horizontal_.compute(source.width, target.width, window.x, window.width, flip);
  vertical_.compute(source.height, target.height, window.y, window.height, false);
  const int places = places_between(vertical_.bits());
  row_filter_.build(horizontal_, horizontal_.bits() - places, kernels_->lanes);
  width_ = window.width;
  column_shift_ = vertical_.bits() + places;
  pair_rows();
  return {horizontal_.first_input(), vertical_.first_input(), horizontal_.input_count(), vertical_.input_count()};
}

// Moves the weights of filters that begin with an odd row by one place.
void Resampler::pair_rows() {
  const int own_pairs = vertical_.pair_count();
  most_pairs_ = own_pairs + 1;
  ColumnTaps* const column = column_taps_.reserve(vertical_.count());
  int32_t* weights = column_weights_.reserve(static_cast<size_t>(vertical_.count()) * most_pairs_);
  for (int y = 0; y < vertical_.count(); ++y, weights += most_pairs_) {
    const int start = vertical_.starts()[y], moved_bits = start % 2 * 16;
    const int32_t* const own = vertical_.weights(y);
    uint32_t before = 0;
    int pair_count = 0;
    for (int pair = 0; pair < most_pairs_; ++pair) {
      const uint32_t now = pair < own_pairs ? static_cast<uint32_t>(own[pair]) : 0;
      const uint64_t both = uint64_t{now} << 32 | before;
      weights[pair] = static_cast<int32_t>(both >> (32 - moved_bits));
      pair_count = weights[pair] != 0 ? pair + 1 : pair_count;
      before = now;
    }
    column[y] = {start / 2, pair_count};
  }
}

void Resampler::begin(const uint8_t* part, ptrdiff_t stride) {
  part_ = part;
  stride_ = stride;
  row_ = 0;
  filtered_pairs_ = 0;
  int slots = 1;
  while (slots < most_pairs_) slots *= 2;
  ring_mask_ = slots - 1;
  slot_items_ = static_cast<size_t>(row_filter_.tables().group_count) * kGroup;
  // The column kernel reads whole groups of 4 * kGroup.
  ring_.reserve(slots * slot_items_ + 3 * kGroup);
  in_.reserve(most_pairs_);
}

void Resampler::filter_next_pair() {
  const int upper = 2 * filtered_pairs_, lower = std::min(upper + 1, vertical_.input_count() - 1);
  int32_t* const out = ring_.get() + static_cast<size_t>(filtered_pairs_ & ring_mask_) * slot_items_;
  kernels_->rows(part_ + upper * stride_, part_ + lower * stride_, row_filter_.tables(), out);
  ++filtered_pairs_;
}

void Resampler::next_row(uint8_t* out) {
  const auto [first_pair, pair_count] = column_taps_.get()[row_];
  while (filtered_pairs_ < first_pair + pair_count) filter_next_pair();
  for (int pair = 0; pair < pair_count; ++pair) {
    in_.get()[pair] = ring_.get() + static_cast<size_t>((first_pair + pair) & ring_mask_) * slot_items_;
  }
  const int32_t* const weights = column_weights_.get() + static_cast<size_t>(row_) * most_pairs_;
  kernels_->column(in_.get(), weights, pair_count, column_shift_, width_, out);
  ++row_;
}

}  // namespace penstock

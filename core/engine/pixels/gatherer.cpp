#include "engine/pixels/gatherer.h"

#include <algorithm>

#include "engine/pixels/reverse.h"

namespace penstock {

void AxisPlaces::compute(int length, PaddingMode mode, int first, int count, bool reversed) {
  int32_t* const places = places_.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    places[reversed ? count - 1 - i : i] = padded_position(mode, length, int64_t{first} + i);
  }
  const auto [least, most] = std::minmax_element(places, places + count);
  const int32_t begin = *least;
  input_count_ = *most - begin + 1;
  for (int i = 0; i < count; ++i) places[i] -= begin;
  first_input_ = begin;
  count_ = count;
  reversed_ = reversed;
  const int inside_begin = std::clamp(-first, 0, count), inside_end = std::clamp(length - first, inside_begin, count);
  straight_begin_ = reversed ? count - inside_end : inside_begin;
  straight_end_ = reversed ? count - inside_begin : inside_end;
}

void AxisPlaces::gather(const uint8_t* row, uint8_t* out) const {
  const int32_t* const places = places_.get();
  for (int i = 0; i < straight_begin_; ++i) out[i] = row[places[i]];
  if (straight_begin_ < straight_end_) {
    const int straight = straight_end_ - straight_begin_;
    if (reversed_) {
      reverse_row(simd_level(), row + places[straight_end_ - 1], static_cast<size_t>(straight), out + straight_begin_);
    } else {
      std::copy_n(row + places[straight_begin_], straight, out + straight_begin_);
    }
  }
  for (int i = straight_end_; i < count_; ++i) out[i] = row[places[i]];
}

Rect Gatherer::prepare(Size image, PaddingMode mode, Rect window, bool flip) {
  columns_.compute(image.width, mode, window.x, window.width, flip);
  rows_.compute(image.height, mode, window.y, window.height, false);
  return {columns_.first_input(), rows_.first_input(), columns_.input_count(), rows_.input_count()};
}

void Gatherer::begin(const uint8_t* part, ptrdiff_t stride) {
  part_ = part;
  stride_ = stride;
  row_ = 0;
}

void Gatherer::next_row(uint8_t* out) { columns_.gather(part_ + rows_[row_++] * stride_, out); }

}  // namespace penstock

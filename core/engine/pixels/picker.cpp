#include "engine/pixels/picker.h"

#include <algorithm>

namespace penstock {

void AxisPicks::compute(int source, int target, int first, int count, bool reversed) {
  int32_t* const places = places_.reserve(static_cast<size_t>(count));
  // Pillow adds the step again and again (src/libImaging/Geometry.c, ImagingScaleAffine), which a product would not be.
  const double step = static_cast<double>(source) / target;
  double place = step * 0.5;
  for (int i = 0; i < first + count; ++i, place += step) {
    const int output = i - first;
    if (output >= 0) places[reversed ? count - 1 - output : output] = std::min(static_cast<int>(place), source - 1);
  }
  first_input_ = std::min(places[0], places[count - 1]);
  input_count_ = std::max(places[0], places[count - 1]) - first_input_ + 1;
  for (int i = 0; i < count; ++i) places[i] -= first_input_;
}

Rect Picker::prepare(Size source, Size target, Rect window, bool flip) {
  columns_.compute(source.width, target.width, window.x, window.width, flip);
  rows_.compute(source.height, target.height, window.y, window.height, false);
  level_ = simd_level();
  groups_.build(level_, columns_.places(), window.width);
  return {columns_.first_input(), rows_.first_input(), columns_.input_count(), rows_.input_count()};
}

void Picker::begin(const uint8_t* part, ptrdiff_t stride) {
  part_ = part;
  stride_ = stride;
  row_ = 0;
}

void Picker::next_row(uint8_t* out) { pick(level_, part_ + rows_.places()[row_++] * stride_, groups_.table(), out); }

}  // namespace penstock

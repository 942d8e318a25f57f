// Pillow's resize to the nearest pixel: planes whose every pixel is one of another plane.
#pragma once

#include <cstdint>

#include "engine/geometry.h"
#include "engine/pixels/pick_kernels.h"
#include "engine/pixels/plane_filter.h"
#include "engine/scratch.h"

namespace penstock {

// Which pixels of one axis are picked.
class AxisPicks {
 public:
  // For outputs `first` <= o < first + count of an axis resized from `source` to `target` pixels; backwards if
  // `reversed`.
  void compute(int source, int target, int first, int count, bool reversed);

  // The inputs that are used lie from first_input() to first_input() + input_count().
  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }

  // By output, counted from first_input().
  const int32_t* places() const { return places_.get(); }

 private:
  int first_input_ = 0;
  int input_count_ = 0;
  Scratch<int32_t> places_;
};

class Picker final : public PlaneFilter {
 public:
  // The rectangle of an image of size `source` that the `window` (not empty, inside the target) depends on. `flip`
  // mirrors the window left to right.
  Rect prepare(Size source, Size target, Rect window, bool flip);

  void begin(const uint8_t* part, ptrdiff_t stride) override;
  void next_row(uint8_t* out) override;

 private:
  AxisPicks columns_;
  AxisPicks rows_;
  SimdLevel level_ = SimdLevel::kPortable;
  PickGroups groups_;
  const uint8_t* part_ = nullptr;
  ptrdiff_t stride_ = 0;
  int row_ = 0;
};

}  // namespace penstock

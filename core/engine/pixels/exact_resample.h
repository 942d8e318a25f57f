// Pillow's antialiased resizes of planes of bytes, equal to its result in every bit: two passes, with bytes between.
#pragma once

#include "engine/geometry.h"
#include "engine/pixels/filter_weights.h"
#include "engine/pixels/plane_filter.h"
#include "engine/pixels/resize_filter.h"
#include "engine/pixels/weight_digits.h"
#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {

class ExactResampler final : public PlaneFilter {
 public:
  // The rectangle of an image of size `source` that the `window` (not empty, inside the target) depends on. `flip`
  // mirrors the window left to right. `filter` is not kNearest.
  Rect prepare(ResizeFilter filter, Size source, Size target, Rect window, bool flip);

  void begin(const uint8_t* part, ptrdiff_t stride) override;
  void next_row(uint8_t* out) override;

 private:
  void build_digits(SimdLevel level);
  void filter_down_columns(const uint8_t* rows, ptrdiff_t stride, int y, int length, uint8_t* out) const;
  void filter_along_rows(const uint8_t* rows, ptrdiff_t stride, int count, uint8_t* out);
  void filter_strips(const uint8_t* rows, ptrdiff_t stride, int count, uint8_t* out);

  SimdLevel level_ = SimdLevel::kPortable;
  bool columns_first_ = false;
  FilterWeights horizontal_;
  FilterWeights vertical_;
  bool has_digits_ = false;  // that the level wants, of the weights above
  bool has_pieces_ = false;
  PieceDigits pieces_;     // of horizontal_
  StackedDigits stacked_;  // of vertical_
  Scratch<uint8_t> first_pass_;
  Scratch<uint8_t> result_;  // of both passes, where the one along the rows comes last
  Scratch<uint8_t> columns_;
  Scratch<uint8_t> filtered_columns_;
  int row_ = 0;
};

}  // namespace penstock

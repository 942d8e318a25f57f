// Pillow's antialiased bilinear resize of planes of bytes, in 16-bit fixed point: within one grey level of Pillow's
// result (docs/design/2026-11-21-resample.md).
#pragma once

#include "engine/geometry.h"
#include "engine/pixels/axis_weights.h"
#include "engine/pixels/plane_filter.h"
#include "engine/pixels/resample_kernels.h"
#include "engine/scratch.h"

namespace penstock {

// Computes a window of a resized plane from no more of it than the window needs.
class Resampler final : public PlaneFilter {
 public:
  // What `prepare` would give.
  static Rect reach(Size source, Size target, Rect window);

  // The rectangle of an image of size `source` that the `window` (not empty, inside the target) depends on. `flip`
  // mirrors the window left to right.
  Rect prepare(Size source, Size target, Rect window, bool flip);

  void begin(const uint8_t* part, ptrdiff_t stride) override;
  void next_row(uint8_t* out) override;

 private:
  // The rows of one output, in pairs that begin with an even row.
  struct ColumnTaps {
    int first_pair;
    int pair_count;
  };

  void pair_rows();
  void filter_next_pair();

  AxisWeights horizontal_;
  AxisWeights vertical_;
  RowFilter row_filter_;
  const ResampleKernels* kernels_ = nullptr;
  int width_ = 0;
  int column_shift_ = 0;

  int most_pairs_ = 0;
  Scratch<ColumnTaps> column_taps_;
  Scratch<int32_t> column_weights_;

  const uint8_t* part_ = nullptr;
  ptrdiff_t stride_ = 0;
  int row_ = 0;
  int filtered_pairs_ = 0;
  // The last pairs of rows, at least most_pairs_, filtered along the row: pair p in slot p & ring_mask_.
  Scratch<int32_t> ring_;
  int ring_mask_ = 0;
  size_t slot_items_ = 0;
  Scratch<const int32_t*> in_;
};

}  // namespace penstock

// Which pixels a warp without interpolation shows, row by row.
#pragma once

#include <cstdint>

#include "engine/scratch.h"
#include "engine/simd.h"
#include "engine/step.h"
#include "engine/warp/line_picker.h"

namespace penstock {

// Pillow has an arithmetic of its own for each sort of warp, and all of them are here: sums of doubles where axes stay
// as they are, 16.16 fixed point for affine warps, sums of doubles where these are too far away for that, and quotients
// for perspectives. Not thread-safe.
class NearestPlaces {
 public:
  // Before the first row of an image of this size. `warp` is to outlive the rows.
  void begin(SimdLevel level, const Step& warp, Size size);

  // For each pixel of the next row, the place in the packed image, which has no border; rows come from the top.
  void next_row(int32_t* places);

  // Whether rows are straight lines in fixed point, which next_line gives in place of next_row.
  bool has_lines() const { return arithmetic_ == Arithmetic::kFixed; }
  Line next_line();

 private:
  enum class Arithmetic { kAxes, kFixed, kSums, kQuotients };

  Arithmetic arithmetic_of(const Step& warp) const;
  void begin_axes(const double* matrix);
  void begin_fixed(const double* matrix);
  void next_of_axes(int32_t* places);
  void next_of_fixed(int32_t* places);
  void next_of_sums(int32_t* places);
  void next_of_quotients(int32_t* places);

  SimdLevel level_ = SimdLevel::kPortable;
  const double* matrix_ = nullptr;
  Size size_;
  int32_t beyond_ = 0;
  Arithmetic arithmetic_ = Arithmetic::kAxes;
  int row_ = 0;
  double x_ = 0, y_ = 0;                // of the row's first pixel
  uint32_t fixed_x_ = 0, fixed_y_ = 0;  // the same; wrapping around instead of overflowing
  uint32_t fixed_[4] = {};              // a, b, d, e
  Scratch<int32_t> columns_;            // of kAxes; -1 beyond the image
};

}  // namespace penstock

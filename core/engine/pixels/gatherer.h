// Planes whose every pixel is one of another plane: padded by repeating pixels.
#pragma once

#include <cstdint>

#include "engine/geometry.h"
#include "engine/padding.h"
#include "engine/pixels/plane_filter.h"
#include "engine/scratch.h"

namespace penstock {

// Where the pixels along one axis are taken from.
class AxisPlaces {
 public:
  // For positions `first` <= p < first + count of an axis of `length` pixels, which goes on beyond both ends by `mode`
  // (kConstant: never does); backwards if `reversed`.
  void compute(int length, PaddingMode mode, int first, int count, bool reversed);

  // The inputs that are used lie from first_input() to first_input() + input_count().
  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }

  // Counted from first_input().
  int operator[](int output) const { return places_.get()[output]; }

  // Takes a row, which begins with first_input(), apart and writes all outputs.
  void gather(const uint8_t* row, uint8_t* out) const;

 private:
  int first_input_ = 0;
  int input_count_ = 0;
  int count_ = 0;
  // Outputs that are neighbours as their inputs are.
  int straight_begin_ = 0;
  int straight_end_ = 0;
  bool reversed_ = false;
  Scratch<int32_t> places_;
};

class Gatherer final : public PlaneFilter {
 public:
  // The rectangle of an image that the `window`, which may reach beyond the image, depends on. `flip` mirrors the
  // window left to right.
  Rect prepare(Size image, PaddingMode mode, Rect window, bool flip);

  void begin(const uint8_t* part, ptrdiff_t stride) override;
  void next_row(uint8_t* out) override;

 private:
  AxisPlaces columns_;
  AxisPlaces rows_;
  const uint8_t* part_ = nullptr;
  ptrdiff_t stride_ = 0;
  int row_ = 0;
};

}  // namespace penstock

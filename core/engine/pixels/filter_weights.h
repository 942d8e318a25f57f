// The weights of Pillow's antialiased filters along one axis (src/libImaging/Resample.c): every bit of them.
#pragma once

#include <cstdint>

#include "engine/pixels/resize_filter.h"
#include "engine/scratch.h"

namespace penstock {

// Binary places of a weight: 32, less 8 of a pixel, less 2 of head room.
constexpr int kFilterBits = 22;

// What outputs of one axis are made with: those from `first` on, of an axis resized from `source` to `target` pixels;
// backwards if `reversed`. `filter` is not kNearest.
struct FilteredAxis {
  ResizeFilter filter;
  int source;
  int target;
  int first;
  int count;
  bool reversed;
};

// Output i is the sum of taps(i) inputs from start(i) on, counted from first_input(), each times its weight.
class FilterWeights {
 public:
  // Only inputs from first_input() to first_input() + input_count() are used. Whether the weights are others than
  // before; those of the last axis are kept, for images of one size.
  bool compute(const FilteredAxis& axis);

  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }
  int count() const { return axis_.count; }
  int start(int output) const { return taps_.get()[output].start; }
  int taps(int output) const { return taps_.get()[output].count; }
  const int32_t* weights(int output) const { return weights_.get() + static_cast<size_t>(output) * most_taps_; }

 private:
  struct Taps {
    int start;
    int count;
  };

  FilteredAxis axis_{};
  int first_input_ = 0;
  int input_count_ = 0;
  int most_taps_ = 0;
  Scratch<Taps> taps_;
  Scratch<int32_t> weights_;
  Scratch<double> heights_;
};

}  // namespace penstock

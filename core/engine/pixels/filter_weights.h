// The weights of Pillow's antialiased filters along one axis (src/libImaging/Resample.c): every bit of them.
#pragma once

#include <cstdint>

#include "engine/pixels/resize_filter.h"
#include "engine/scratch.h"

namespace penstock {

// Binary places of a weight: 32, less 8 of a pixel, less 2 of head room.
constexpr int kFilterBits = 22;

// Output i is the sum of taps(i) inputs from start(i) on, counted from first_input(), each times its weight.
class FilterWeights {
 public:
  // For outputs `first` <= o < first + count of an axis resized from `source` to `target` pixels; backwards if
  // `reversed`. Only inputs from first_input() to first_input() + input_count() are used. `filter` is not kNearest.
  void compute(ResizeFilter filter, int source, int target, int first, int count, bool reversed);

  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }
  int count() const { return count_; }
  int start(int output) const { return taps_.get()[output].start; }
  int taps(int output) const { return taps_.get()[output].count; }
  const int32_t* weights(int output) const { return weights_.get() + static_cast<size_t>(output) * most_taps_; }

 private:
  struct Taps {
    int start;
    int count;
  };

  int first_input_ = 0;
  int input_count_ = 0;
  int count_ = 0;
  int most_taps_ = 0;
  Scratch<Taps> taps_;
  Scratch<int32_t> weights_;
  Scratch<double> heights_;
};

}  // namespace penstock

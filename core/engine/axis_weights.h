// The weights of the antialiased bilinear filter along one axis: Pillow's (src/libImaging/Resample.c), in fixed point.
#pragma once

#include <cstdint>

#include "engine/scratch.h"

namespace penstock {

// Output i is the sum of taps() inputs from `start(i)` on, each times its weight, over 2^bits(). Weights are not
// negative and add up to 2^bits() exactly, so that what is flat stays flat. Starts count from `first_input()`. Taps
// that lie outside the filter have weight 0; only where there are no more than taps() - 1 inputs, the last may belong
// to no input.
class AxisWeights {
 public:
  // For outputs `first` <= o < first + count of an axis resized from `source` to `target` pixels; backwards if
  // `reversed`. Only inputs from first_input() to first_input() + input_count() are used. Sides up to 2^20.
  void compute(int source, int target, int first, int count, bool reversed);

  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }
  int count() const { return count_; }
  int bits() const { return bits_; }
  int taps() const { return taps_; }  // even
  int start(int output) const { return starts_.get()[output]; }
  const int16_t* weights(int output) const { return weights_.get() + static_cast<size_t>(output) * taps_; }

 private:
  int first_input_ = 0;
  int input_count_ = 0;
  int count_ = 0;
  int bits_ = 0;
  int taps_ = 0;
  Scratch<int> starts_;
  Scratch<int16_t> weights_;
};

}  // namespace penstock

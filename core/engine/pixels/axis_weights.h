// The weights of the antialiased bilinear filter along one axis: Pillow's (src/libImaging/Resample.c), in fixed point.
#pragma once

#include <cstdint>

#include "engine/scratch.h"

namespace penstock {

// Two 16-bit numbers in one word: the first in the lower half.
inline int32_t pair_of(int32_t first, int32_t second) {
  return static_cast<int32_t>((static_cast<uint32_t>(first) & 0xFFFF) | static_cast<uint32_t>(second) << 16);
}
inline int32_t first_of(int32_t pair) { return static_cast<int16_t>(pair & 0xFFFF); }
inline int32_t second_of(int32_t pair) { return pair >> 16; }

struct InputRange {
  int first;
  int count;
};

// The inputs that outputs `first` <= o < first + count of an axis depend on.
InputRange inputs_of(int source, int target, int first, int count);

// Output i is the sum of 2 * pair_count() inputs from `start(i)` on, each times its weight, over 2^bits(). Weights are
// not negative and add up to 2^bits() exactly, so that what is flat stays flat. Starts count from `first_input()`.
// Inputs that the filter does not reach have weight 0. All inputs exist, except that an axis of which an odd number is
// used may have a last one, of weight 0, behind them.
class AxisWeights {
 public:
  // For outputs `first` <= o < first + count of an axis resized from `source` to `target` pixels; backwards if
  // `reversed`. Only inputs from first_input() to first_input() + input_count() are used.
  void compute(int source, int target, int first, int count, bool reversed);

  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }
  int count() const { return count_; }
  int bits() const { return bits_; }
  int pair_count() const { return pair_count_; }
  const int32_t* starts() const { return starts_.get(); }
  // Pairs of weights, pair_count() for each output.
  const int32_t* weights(int output) const { return weights_.get() + static_cast<size_t>(output) * pair_count_; }

 private:
  int first_input_ = 0;
  int input_count_ = 0;
  int count_ = 0;
  int bits_ = 0;
  int pair_count_ = 0;
  Scratch<int32_t> starts_;
  Scratch<int32_t> weights_;
  Scratch<double> sums_;
};

}  // namespace penstock

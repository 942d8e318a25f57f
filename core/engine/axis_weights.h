// The weights of Pillow's antialiased bilinear filter along one axis (src/libImaging/Resample.c, Pillow 13).
#pragma once

#include <cstdint>

#include "engine/scratch.h"

namespace penstock {

// Binary places of a weight: 32, less 8 of a pixel, less 2 of head room, as in Pillow.
constexpr int kWeightBits = 32 - 8 - 2;

// Two consecutive weights, each cut in two so that 16-bit multiplication is exact: weight = high * 2^kLowBits + low.
struct WeightPair {
  int16_t high[2];
  int16_t low[2];
};
constexpr int kLowBits = 11;

// Output i is the weighted sum of the inputs from `start(i)` on, a pair of them for each of `pairs(i)`; where their
// number is odd, the last weight is 0 and may belong to no input. Starts count from `first_input()`.
class AxisWeights {
 public:
  // For outputs `first` <= o < first + count of an axis resized from `source` to `target` pixels; backwards if
  // `reversed`. Only inputs from first_input() to first_input() + input_count() are used.
  void compute(int source, int target, int first, int count, bool reversed);

  int first_input() const { return first_input_; }
  int input_count() const { return input_count_; }
  int count() const { return count_; }
  int start(int output) const { return starts_.get()[output]; }
  int pair_count(int output) const { return pair_counts_.get()[output]; }
  int most_pairs() const { return most_pairs_; }
  const WeightPair* pairs(int output) const { return pairs_.get() + static_cast<size_t>(output) * most_pairs_; }

 private:
  int first_input_ = 0;
  int input_count_ = 0;
  int count_ = 0;
  int most_pairs_ = 0;
  Scratch<int> starts_;
  Scratch<int> pair_counts_;
  Scratch<double> triangle_;
  Scratch<WeightPair> pairs_;
};

}  // namespace penstock

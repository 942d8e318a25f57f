#include "engine/pixels/axis_weights.h"

#include <algorithm>
#include <cstdlib>

namespace penstock {
namespace {

// Weights get smaller as the shrink factor grows; they take all the bits that a 16-bit word then has left. 19 is what
// the kernels' sums of 32 bits and shifts bear.
int bits_for(int source, int target) {
  constexpr int kLeast = 14, kMost = 19;
  int bits = kLeast;
  while (bits < kMost && (int64_t{target} << (bits + 1 - kLeast)) <= source) ++bits;
  return bits;
}

int64_t floor_divided(int64_t value, int64_t by) { return value >= 0 ? value / by : -((by - 1 - value) / by); }

// Where the filter of one output after the other begins. The unit is 1 / (2 * target) of an input, in which all places
// are whole: input i lies at (2 * i + 1) * target, output o at (2 * o + 1) * source, and a filter reaches `reach` to
// both sides. The first input inside is the first that lies beyond the filter's edge.
class Walk {
 public:
  Walk(int source, int target, int output)
      : source_(source),
        step_(2 * int64_t{target}),
        reach_(2 * int64_t{std::max(source, target)}),
        first_step_(source / target),
        remainder_step_(2 * int64_t{source % target}) {
    const int64_t before = (2 * int64_t{output} + 1) * source - reach_ - target;
    const int64_t last_outside = floor_divided(before, step_);
    first_ = last_outside + 1;
    remainder_ = before - last_outside * step_;
  }

  void next() {
    first_ += first_step_;
    remainder_ += remainder_step_;
    const bool carry = remainder_ >= step_;
    first_ += carry;
    remainder_ -= carry ? step_ : 0;
  }

  // How many inputs a filter reaches at most, of an image that goes on for ever.
  int64_t most_taps() const { return (2 * reach_ + step_ - 1) / step_; }

  // The first input that the filter reaches inside the image, and the first behind it.
  int start() const { return static_cast<int>(std::max<int64_t>(first_, 0)); }
  int stop() const { return static_cast<int>(std::min(source_, first_ + (2 * reach_ + remainder_ - 1) / step_)); }

  // The filter's height at an input of the image; 0 outside the filter.
  int64_t height(int input) const {
    return std::max<int64_t>(0, reach_ - std::abs((input - first_ + 1) * step_ - remainder_ - reach_));
  }

 private:
  int64_t source_;
  int64_t step_;
  int64_t reach_;
  int64_t first_step_;
  int64_t remainder_step_;
  int64_t first_;  // input, may be outside the image
  int64_t remainder_;
};

}  // namespace

InputRange inputs_of(int source, int target, int first, int count) {
  const int begin = Walk(source, target, first).start();
  return {begin, Walk(source, target, first + count - 1).stop() - begin};
}

void AxisWeights::compute(int source, int target, int first, int count, bool reversed) {
  Walk walk(source, target, first);
  count_ = count;
  bits_ = bits_for(source, target);
  const InputRange inputs = inputs_of(source, target, first, count);
  first_input_ = inputs.first;
  input_count_ = inputs.count;
  pair_count_ = (static_cast<int>(std::min<int64_t>(walk.most_taps(), input_count_)) + 1) / 2;

  const int taps = 2 * pair_count_, last_start = std::max(0, input_count_ - taps);
  int32_t* const starts = starts_.reserve(count);
  int32_t* const weights = weights_.reserve(static_cast<size_t>(count) * pair_count_);
  double* const sums = sums_.reserve(taps);
  for (int i = 0; i < count; ++i, walk.next()) {
    const int output = reversed ? count - 1 - i : i;
    const int start = std::min(walk.start() - first_input_, last_start);
    starts[output] = start;
    double sum = 0;
    for (int tap = 0; tap < taps; ++tap) {
      const int input = first_input_ + start + tap;
      sum += static_cast<double>(input < source ? walk.height(input) : 0);
      sums[tap] = sum;
    }
    // The running sum is rounded, so that the weights add up to 2^bits; each is less than 1 off.
    const double share = (1 << bits_) / sum;
    int rounded = 0;
    int32_t* const pairs = weights + static_cast<size_t>(output) * pair_count_;
    for (int pair = 0; pair < pair_count_; ++pair) {
      const int middle = static_cast<int>(sums[2 * pair] * share + 0.5);
      const int end = static_cast<int>(sums[2 * pair + 1] * share + 0.5);
      pairs[pair] = pair_of(middle - rounded, end - middle);
      rounded = end;
    }
  }
}

}  // namespace penstock

#include "engine/axis_weights.h"

#include <algorithm>
#include <cstdlib>

namespace penstock {
namespace {

// The filter of one axis in units of half an output's share of an input, 1 / (2 * target), in which all is whole.
// Input i lies at (2 * i + 1) * target, output o at (2 * o + 1) * source, and the filter reaches 2 * max(source,
// target) to both sides.
struct Axis {
  int64_t source;
  int64_t target;

  int64_t reach() const { return 2 * std::max(source, target); }
  int64_t place_of_input(int64_t input) const { return (2 * input + 1) * target; }
  int64_t place_of_output(int64_t output) const { return (2 * output + 1) * source; }

  // The first input inside the reach of an output, and the first behind it; what lies at its end has no weight.
  int start(int64_t output) const {
    const int64_t least = place_of_output(output) - reach() - target;
    return least < 0 ? 0 : static_cast<int>(least / (2 * target) + 1);
  }
  int stop(int64_t output) const {
    const int64_t most = place_of_output(output) + reach() - target;
    return static_cast<int>(std::min(source, (most + 2 * target - 1) / (2 * target)));
  }
};

// Weights get smaller with the shrink factor, and all the bits that a 16-bit word then leaves unused.
int bits_for(const Axis& axis) {
  constexpr int kLeast = 14, kMost = 20;
  int bits = kLeast;
  while (bits < kMost && (axis.target << (bits + 1 - kLeast)) <= axis.source) ++bits;
  return bits;
}

// Writes the weights of inputs start <= i < stop. Their running sum is rounded, so that they add up to 2^bits; each is
// less than 1 off.
void weigh(const Axis& axis, int64_t output, int start, int stop, int bits, int16_t* weights) {
  const int64_t reach = axis.reach(), place = axis.place_of_output(output);
  const auto height = [&](int input) { return reach - std::abs(axis.place_of_input(input) - place); };
  int64_t total = 0;
  for (int input = start; input < stop; ++input) total += height(input);
  const double share = static_cast<double>(1 << bits) / static_cast<double>(total);
  int64_t sum = 0;
  int rounded_before = 0;
  for (int input = start; input < stop; ++input) {
    sum += height(input);
    const int rounded = static_cast<int>(static_cast<double>(sum) * share + 0.5);
    *weights++ = static_cast<int16_t>(rounded - rounded_before);
    rounded_before = rounded;
  }
}

}  // namespace

void AxisWeights::compute(int source, int target, int first, int count, bool reversed) {
  const Axis axis{source, target};
  const int last = first + count - 1;
  count_ = count;
  bits_ = bits_for(axis);
  first_input_ = axis.start(first);
  input_count_ = axis.stop(last) - first_input_;
  int most = 1;
  for (int output = first; output <= last; ++output) most = std::max(most, axis.stop(output) - axis.start(output));
  taps_ = (most + 1) / 2 * 2;

  int* const starts = starts_.reserve(count);
  int16_t* weights = weights_.reserve(static_cast<size_t>(count) * taps_);
  std::fill_n(weights, static_cast<size_t>(count) * taps_, int16_t{0});
  for (int i = 0; i < count; ++i, weights += taps_) {
    const int output = reversed ? last - i : first + i;
    const int start = axis.start(output) - first_input_, stop = axis.stop(output) - first_input_;
    // No tap behind the last input, where there are enough of them.
    starts[i] = std::max(0, std::min(start, input_count_ - taps_));
    weigh(axis, output, start + first_input_, stop + first_input_, bits_, weights + (start - starts[i]));
  }
}

}  // namespace penstock

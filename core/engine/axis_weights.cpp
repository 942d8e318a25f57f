#include "engine/axis_weights.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

// Inputs start <= i < stop contribute to an output whose centre is `center`. Computed as Pillow does, in float64.
struct Support {
  double center = 0;
  int start = 0;
  int stop = 0;
};

Support support_of(int output, double scale, double radius, int source) {
  const double center = (output + 0.5) * scale;
  const int start = std::max(0, static_cast<int>(center - radius + 0.5));
  const int stop = std::min(source, static_cast<int>(center + radius + 0.5));
  return {center, start, stop};
}

double triangle_at(double x) {
  const double distance = std::fabs(x);
  return distance < 1.0 ? 1.0 - distance : 0.0;
}

// Cuts each weight in two and fills up the last pair.
void pack(const double* triangle, double total, int taps, WeightPair* pairs) {
  for (int tap = 0; tap < taps; ++tap) {
    const int weight = static_cast<int>(0.5 + triangle[tap] / total * (1 << kWeightBits));
    pairs[tap / 2].high[tap % 2] = static_cast<int16_t>(weight >> kLowBits);
    pairs[tap / 2].low[tap % 2] = static_cast<int16_t>(weight & ((1 << kLowBits) - 1));
  }
  if (taps % 2 != 0) pairs[taps / 2].high[1] = pairs[taps / 2].low[1] = 0;
}

}  // namespace

void AxisWeights::compute(int source, int target, int first, int count, bool reversed) {
  const double scale = static_cast<double>(source) / target;
  const double radius = std::max(scale, 1.0);
  const double narrowing = 1.0 / radius;
  const int most_taps = std::min(source, static_cast<int>(std::ceil(radius)) * 2 + 1);
  count_ = count;
  most_pairs_ = (most_taps + 1) / 2;
  first_input_ = support_of(first, scale, radius, source).start;
  input_count_ = support_of(first + count - 1, scale, radius, source).stop - first_input_;

  starts_.reserve(count);
  pair_counts_.reserve(count);
  pairs_.reserve(static_cast<size_t>(count) * most_pairs_);
  double* const triangle = triangle_.reserve(most_taps);
  for (int i = 0; i < count; ++i) {
    const Support support = support_of(reversed ? first + count - 1 - i : first + i, scale, radius, source);
    const int taps = support.stop - support.start;
    double total = 0;
    for (int tap = 0; tap < taps; ++tap) {
      triangle[tap] = triangle_at((tap + support.start - support.center + 0.5) * narrowing);
      total += triangle[tap];
    }
    starts_.get()[i] = support.start - first_input_;
    pair_counts_.get()[i] = (taps + 1) / 2;
    pack(triangle, total, taps, pairs_.get() + static_cast<size_t>(i) * most_pairs_);
  }
}

}  // namespace penstock

#include "engine/pixels/filter_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace penstock {
namespace {

constexpr double kPi = 3.14159265358979323846;

double triangle(double x) { return std::max(1.0 - std::abs(x), 0.0); }

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double hamming(double x) {
  x = std::abs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  x *= kPi;
  return std::sin(x) / x * (static_cast<double>(0.54F) + static_cast<double>(0.46F) * std::cos(x));
}

// Keys, "Cubic convolution interpolation for digital image processing" (1981).
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

double sinc(double x) {
  x *= kPi;
  return x == 0 ? 1 : std::sin(x) / x;
}

double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

struct Kernel {
  double support;
  double (*height)(double);
};

Kernel kernel_of(ResizeFilter filter) {
  switch (filter) {
    case ResizeFilter::kBicubic:
      return {2, cubic};
    case ResizeFilter::kBox:
      return {0.5, box};
    case ResizeFilter::kHamming:
      return {1, hamming};
    case ResizeFilter::kLanczos:
      return {3, lanczos};
    default:
      return {1, triangle};
  }
}

// Where the filter of each output lies.
class Place {
 public:
  Place(double support, int source, int target)
      : scale_(static_cast<double>(source) / target), support_(support * std::max(scale_, 1.0)), source_(source) {}

  double center(int output) const { return (output + 0.5) * scale_; }
  double narrowing() const { return 1.0 / std::max(scale_, 1.0); }
  int most_taps() const { return static_cast<int>(std::ceil(support_)) * 2 + 1; }
  int first(int output) const { return std::max(static_cast<int>(center(output) - support_ + 0.5), 0); }
  int last(int output) const { return std::min(static_cast<int>(center(output) + support_ + 0.5), source_); }

 private:
  double scale_;
  double support_;
  int source_;
};

int32_t fixed_point(double share) {
  const double scaled = share * (1 << kFilterBits);
  return static_cast<int32_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
}

bool operator==(const FilteredAxis& a, const FilteredAxis& b) {
  return a.filter == b.filter && a.source == b.source && a.target == b.target && a.first == b.first &&
         a.count == b.count && a.reversed == b.reversed;
}

}  // namespace

bool FilterWeights::compute(const FilteredAxis& axis) {
  if (axis == axis_) return false;
  axis_ = {};
  const auto [filter, source, target, first, count, reversed] = axis;
  const Kernel kernel = kernel_of(filter);
  const Place place(kernel.support, source, target);
  most_taps_ = std::min(place.most_taps(), source);
  first_input_ = place.first(first);
  input_count_ = place.last(first + count - 1) - first_input_;
  Taps* const all_taps = taps_.reserve(count);
  int32_t* const all_weights = weights_.reserve(static_cast<size_t>(count) * most_taps_);
  double* const heights = heights_.reserve(most_taps_);
  for (int i = 0; i < count; ++i) {
    const int output = reversed ? count - 1 - i : i;
    const int begin = place.first(first + i), end = place.last(first + i);
    double sum = 0;
    for (int input = begin; input < end; ++input) {
      const double height = kernel.height((input - place.center(first + i) + 0.5) * place.narrowing());
      heights[input - begin] = height;
      sum += height;
    }
    int32_t* const weights = all_weights + static_cast<size_t>(output) * most_taps_;
    for (int tap = 0; tap < end - begin; ++tap) weights[tap] = fixed_point(heights[tap] / sum);
    all_taps[output] = {begin - first_input_, end - begin};
  }
  axis_ = axis;
  return true;
}

}  // namespace penstock

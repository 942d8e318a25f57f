#include <algorithm>
#include <cmath>

#include "engine/colour/at_level.h"
#include "engine/colour/neighbour_kernels.h"

namespace penstock {
namespace {

// The weights from the middle to the end: they are the same on both sides, and sum up to 1.
void weights_of(int taps, double sigma, std::vector<float>& weights) {
  const int radius = taps / 2;
  const auto weight = [sigma](int distance) {
    const double place = distance / sigma;
    return std::exp(-(place * place) / 2);
  };
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += weight(i);
  weights.resize(static_cast<size_t>(radius) + 1);
  for (int i = 0; i <= radius; ++i) weights[static_cast<size_t>(i)] = static_cast<float>(weight(i) / sum);
}

// Which of `count` values a place beyond the ends shows: ... 2 1 0 1 2 ...
int reflected(int place, int count) {
  if (count == 1) return 0;
  const int period = 2 * (count - 1);
  const int rest = std::abs(place) % period;
  return rest < count ? rest : period - rest;
}

// sum_k weights[k] * (before[k][x] + after[k][x]) in order of k, but the middle once; at the places x to x + kBlock
// - 1.
constexpr size_t kBlock = 64;

PENSTOCK_INLINE inline void weigh(const float* const* before, const float* const* after, const float* weights,
                                  size_t taps, size_t x, float* __restrict sums) {
  const float* __restrict middle = before[0] + x;
  for (size_t i = 0; i < kBlock; ++i) sums[i] = weights[0] * middle[i];
  for (size_t k = 1; k < taps; ++k) {
    const float* __restrict left = before[k] + x, * __restrict right = after[k] + x;
    const float weight = weights[k];
    for (size_t i = 0; i < kBlock; ++i) sums[i] += weight * (left[i] + right[i]);
  }
}

size_t padded_up(size_t count) { return (count + kBlock - 1) / kBlock * kBlock; }

}  // namespace

void GaussianBlur::apply(SimdLevel level, const Kernel& kernel, const PlanarImage& image) {
  prepare(kernel);
  for (int channel = 0; channel < 3; ++channel) {
    blur_rows(level, image.plane(channel), image.size);
    blur_columns(level, image.plane(channel), image.size);
  }
}

void GaussianBlur::prepare(const Kernel& kernel) {
  weights_of(kernel.width, kernel.sigma, across_);
  weights_of(kernel.height, kernel.sigma, down_);
  const size_t taps = std::max(across_.size(), down_.size());
  before_.resize(taps);
  after_.resize(taps);
}

void GaussianBlur::blur_rows(SimdLevel level, const uint8_t* plane, Size size) {
  const auto width = static_cast<size_t>(size.width);
  const size_t taps = across_.size(), radius = taps - 1, stride = padded_up(width);
  float* const padded = padded_.reserve(stride + 2 * radius);
  std::fill(padded, padded + stride + 2 * radius, 0.0F);
  float* const between = between_.reserve(stride * static_cast<size_t>(size.height));
  for (size_t k = 0; k < taps; ++k) {
    before_[k] = padded + radius - k;
    after_[k] = padded + radius + k;
  }
  const float *const *const before = before_.data(), *const *const after = after_.data();
  const float* const weights = across_.data();
  for (int y = 0; y < size.height; ++y) {
    const uint8_t* const row = plane + static_cast<size_t>(y) * width;
    for (size_t x = 0; x < width; ++x) padded[radius + x] = row[x];
    for (int x = 1; x <= static_cast<int>(radius); ++x) {
      padded[radius - static_cast<size_t>(x)] = row[reflected(-x, size.width)];
      padded[radius + width - 1 + static_cast<size_t>(x)] = row[reflected(size.width - 1 + x, size.width)];
    }
    float* const out = between + static_cast<size_t>(y) * stride;
    at_level(level, [=]() PENSTOCK_INLINE {
      for (size_t x = 0; x < stride; x += kBlock) {
        float sums[kBlock];
        weigh(before, after, weights, taps, x, sums);
        for (size_t i = 0; i < kBlock; ++i) out[x + i] = sums[i];
      }
    });
  }
}

void GaussianBlur::blur_columns(SimdLevel level, uint8_t* plane, Size size) {
  const auto width = static_cast<size_t>(size.width);
  const size_t taps = down_.size(), stride = padded_up(width);
  const float* const between = between_.get();
  const float *const *const before = before_.data(), *const *const after = after_.data();
  const float* const weights = down_.data();
  for (int y = 0; y < size.height; ++y) {
    for (size_t k = 0; k < taps; ++k) {
      const int distance = static_cast<int>(k);
      before_[k] = between + static_cast<size_t>(reflected(y - distance, size.height)) * stride;
      after_[k] = between + static_cast<size_t>(reflected(y + distance, size.height)) * stride;
    }
    uint8_t* const row = plane + static_cast<size_t>(y) * width;
    at_level(level, [=]() PENSTOCK_INLINE {
      constexpr float kRounding = 12582912.0F;  // 1.5 * 2^23: floats of that size are whole, halves went to even
      for (size_t x = 0; x < stride; x += kBlock) {
        float sums[kBlock];
        weigh(before, after, weights, taps, x, sums);
        uint8_t bytes[kBlock];
        for (size_t i = 0; i < kBlock; ++i) {
          bytes[i] = static_cast<uint8_t>(static_cast<int>(sums[i] + kRounding - kRounding));
        }
        const size_t count = width - x < kBlock ? width - x : kBlock;
        for (size_t i = 0; i < count; ++i) row[x + i] = bytes[i];
      }
    });
  }
}

}  // namespace penstock

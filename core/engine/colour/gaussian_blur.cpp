#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/colour/at_level.h"
#include "engine/colour/neighbour_kernels.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

// Weights that no sum of theirs can feel. Most of a large kernel is that where sigma is small, and numbers that are
// smaller than a float's normal ones take a hundred times as long.
constexpr float kNegligible = 0x1p-40F;

// The weights from the middle to the last that counts: they are the same on both sides, and sum up to 1.
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
  while (weights.back() < kNegligible) weights.pop_back();
}

// Which of `count` values a place beyond the ends shows: ... 2 1 0 1 2 ...
int reflected(int place, int count) {
  if (count == 1) return 0;
  const int period = 2 * (count - 1);
  const int rest = std::abs(place) % period;
  return rest < count ? rest : period - rest;
}

constexpr size_t kBlock = 64;

// Values to the left and to the right of a place, or above and below: before[k] and after[k] are k away.
struct Neighbours {
  const float* const* before;
  const float* const* after;
  const float* weights;
  size_t taps;
};

// Writes sum_k weights[k] * (before[k][x] + after[k][x]) in order of k, but the middle once; at the places x to
// x + kBlock - 1. Products and sums are rounded one by one, at every level.
using Weigh = void (*)(const Neighbours& from, size_t x, float* sums);

void weigh_portable(const Neighbours& from, size_t x, float* __restrict sums) {
  const float* __restrict middle = from.before[0] + x;
  for (size_t i = 0; i < kBlock; ++i) sums[i] = from.weights[0] * middle[i];
  for (size_t k = 1; k < from.taps; ++k) {
    const float* __restrict left = from.before[k] + x, * __restrict right = from.after[k] + x;
    const float weight = from.weights[k];
    for (size_t i = 0; i < kBlock; ++i) sums[i] += weight * (left[i] + right[i]);
  }
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: kBlock floats can be read from each place, and written.
PENSTOCK_AVX2 void weigh_avx2(const Neighbours& from, size_t x, float* sums) {
  constexpr size_t kLanes = 8, kVectors = kBlock / kLanes;
  __m256 sum[kVectors];
  const __m256 first = _mm256_set1_ps(from.weights[0]);
  for (size_t i = 0; i < kVectors; ++i) {
    sum[i] = _mm256_mul_ps(first, _mm256_loadu_ps(from.before[0] + x + i * kLanes));
  }
  for (size_t k = 1; k < from.taps; ++k) {
    const float* const left = from.before[k] + x;
    const float* const right = from.after[k] + x;
    const __m256 weight = _mm256_set1_ps(from.weights[k]);
    for (size_t i = 0; i < kVectors; ++i) {
      const __m256 both = _mm256_add_ps(_mm256_loadu_ps(left + i * kLanes), _mm256_loadu_ps(right + i * kLanes));
      sum[i] = _mm256_add_ps(sum[i], _mm256_mul_ps(weight, both));
    }
  }
  for (size_t i = 0; i < kVectors; ++i) _mm256_storeu_ps(sums + i * kLanes, sum[i]);
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// SAFETY: as weigh_avx2.
PENSTOCK_AVX512 void weigh_avx512(const Neighbours& from, size_t x, float* sums) {
  constexpr size_t kLanes = 16, kVectors = kBlock / kLanes;
  __m512 sum[kVectors];
  const __m512 first = _mm512_set1_ps(from.weights[0]);
  for (size_t i = 0; i < kVectors; ++i) {
    sum[i] = _mm512_mul_ps(first, _mm512_loadu_ps(from.before[0] + x + i * kLanes));
  }
  for (size_t k = 1; k < from.taps; ++k) {
    const float* const left = from.before[k] + x;
    const float* const right = from.after[k] + x;
    const __m512 weight = _mm512_set1_ps(from.weights[k]);
    for (size_t i = 0; i < kVectors; ++i) {
      const __m512 both = _mm512_add_ps(_mm512_loadu_ps(left + i * kLanes), _mm512_loadu_ps(right + i * kLanes));
      sum[i] = _mm512_add_ps(sum[i], _mm512_mul_ps(weight, both));
    }
  }
  for (size_t i = 0; i < kVectors; ++i) _mm512_storeu_ps(sums + i * kLanes, sum[i]);
}

#endif

Weigh weigh_of(SimdLevel level) {
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level >= SimdLevel::kAvx512) return weigh_avx512;
#endif
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) return weigh_avx2;
#endif
  static_cast<void>(level);
  return weigh_portable;
}

void round_to_bytes(SimdLevel level, const float* sums, size_t count, uint8_t* out) {
  at_level(level, [=]() PENSTOCK_INLINE {
    constexpr float kRounding = 12582912.0F;  // 1.5 * 2^23: floats of that size are whole, halves went to even
    uint8_t bytes[kBlock];
    for (size_t i = 0; i < kBlock; ++i) {
      bytes[i] = static_cast<uint8_t>(static_cast<int>(sums[i] + kRounding - kRounding));
    }
    if (count == kBlock) {
      std::memcpy(out, bytes, kBlock);
    } else {
      std::memcpy(out, bytes, count);
    }
  });
}

size_t padded_up(size_t count) { return (count + kBlock - 1) / kBlock * kBlock; }

}  // namespace

void GaussianBlur::apply(SimdLevel level, const Kernel& kernel, const PlanarImage& image) {
  prepare(kernel);
  if (across_.size() == 1 && down_.size() == 1) return;  // every pixel is its own
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
  const Neighbours from{before_.data(), after_.data(), across_.data(), taps};
  const Weigh weigh = weigh_of(level);
  for (int y = 0; y < size.height; ++y) {
    const uint8_t* const row = plane + static_cast<size_t>(y) * width;
    for (size_t x = 0; x < width; ++x) padded[radius + x] = row[x];
    for (int x = 1; x <= static_cast<int>(radius); ++x) {
      padded[radius - static_cast<size_t>(x)] = row[reflected(-x, size.width)];
      padded[radius + width - 1 + static_cast<size_t>(x)] = row[reflected(size.width - 1 + x, size.width)];
    }
    float* const out = between + static_cast<size_t>(y) * stride;
    for (size_t x = 0; x < stride; x += kBlock) weigh(from, x, out + x);
  }
}

void GaussianBlur::blur_columns(SimdLevel level, uint8_t* plane, Size size) {
  const auto width = static_cast<size_t>(size.width);
  const size_t taps = down_.size(), stride = padded_up(width);
  const float* const between = between_.get();
  const Neighbours from{before_.data(), after_.data(), down_.data(), taps};
  const Weigh weigh = weigh_of(level);
  for (int y = 0; y < size.height; ++y) {
    for (size_t k = 0; k < taps; ++k) {
      const int distance = static_cast<int>(k);
      before_[k] = between + static_cast<size_t>(reflected(y - distance, size.height)) * stride;
      after_[k] = between + static_cast<size_t>(reflected(y + distance, size.height)) * stride;
    }
    uint8_t* const row = plane + static_cast<size_t>(y) * width;
    for (size_t x = 0; x < stride; x += kBlock) {
      float sums[kBlock];
      weigh(from, x, sums);
      round_to_bytes(level, sums, std::min(width - x, kBlock), row + x);
    }
  }
}

}  // namespace penstock

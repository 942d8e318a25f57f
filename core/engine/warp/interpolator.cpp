#include "engine/warp/interpolator.h"

#include <algorithm>

#include "engine/colour/at_level.h"
#include "engine/warp/interpolation_avx512.h"

namespace penstock {
namespace {

PENSTOCK_INLINE inline int32_t channel_of(uint32_t pixel, int shift) {
  return static_cast<int32_t>(pixel >> shift & 255);
}

// Pillow's cubic through four values, at `share` of the way from the second to the third. Differences of bytes are the
// same in integers.
template <typename Value>
PENSTOCK_INLINE inline double cubic(Value v0, Value v1, Value v2, Value v3, double share) {
  const auto p2 = static_cast<double>(-v0 + v2);
  const auto p3 = static_cast<double>(2 * (v0 - v1) + v2 - v3);
  const auto p4 = static_cast<double>(-v0 + v1 - v2 + v3);
  return static_cast<double>(v1) + share * (p2 + share * (p3 + share * p4));
}

// Takes coordinates apart: into the pixels, of `length`, whose centres lie before them, and the shares of the way to
// the next, which take their place. What lies beyond is brought close to the image, for integers to hold it.
void split(SimdLevel level, int count, int length, double* coordinates, int32_t* pixels) {
  at_level(level, [=]() PENSTOCK_INLINE {
    double* __restrict shares = coordinates;
    int32_t* __restrict before = pixels;
    const double last = length;
    for (int i = 0; i < count; ++i) {
      const double positive = shares[i] > 0 ? shares[i] : 0;
      const double place = (positive < last ? positive : last) - 0.5;
      const int32_t floor = static_cast<int32_t>(place) - static_cast<int32_t>(place < 0);
      before[i] = floor;
      shares[i] = place - floor;
    }
  });
}

// The compiler handles a vector of integers at a time, and does this apart.
void narrow(SimdLevel level, const int32_t* levels, int count, uint8_t* row) {
  at_level(level, [=]() PENSTOCK_INLINE {
    const int32_t* __restrict in = levels;
    uint8_t* __restrict out = row;
    for (int i = 0; i < count; ++i) out[i] = static_cast<uint8_t>(in[i]);
  });
}

}  // namespace

void Interpolator::begin(SimdLevel level, const Step& warp, Size size, const PackedImage& packed) {
  level_ = level;
  warp_ = &warp;
  size_ = size;
  packed_ = &packed;
}

void Interpolator::write_row(int y, const PlanarImage& image) {
  for (int first = 0; first < size_.width; first += kChunk) {
    const Chunk chunk{first, std::min(kChunk, size_.width - first)};
    find_places(y, chunk);
    const size_t offset = static_cast<size_t>(y) * size_.width + first;
    write_chunk(chunk, {image.plane(0) + offset, image.plane(1) + offset, image.plane(2) + offset});
  }
}

void Interpolator::write_chunk(Chunk chunk, const PlanarRow& row) {
  const bool is_cubic = warp_->interpolation == Interpolation::kBicubic;
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level_ >= SimdLevel::kAvx512 && !is_cubic) {
    bilinear_avx512(*packed_, {places_, across_, down_, chunk.count}, row);
    return;
  }
#endif
  if (is_cubic) {
    for (int line = 0; line < 4; ++line) cubic_line(line, chunk);
  } else {
    gather_bilinear(chunk);
  }
  uint8_t* const channels[3] = {row.red, row.green, row.blue};
  for (int channel = 0; channel < 3; ++channel) {
    is_cubic ? write_cubic(channels[channel], channel, chunk.count)
             : write_bilinear(channels[channel], channel, chunk.count);
  }
}

void Interpolator::find_places(int y, Chunk chunk) {
  if (warp_->kind == StepKind::kPerspective) {
    look<true>(y, chunk);
  } else {
    look<false>(y, chunk);
  }
  locate(chunk.count);
}

// Where the chunk's pixels are seen.

template <bool kDivides>
void Interpolator::look(int y, Chunk chunk) {
  const double* const m = warp_->values.data();
  const double vertical = y + 0.5, width = size_.width, height = size_.height;
  at_level(level_, [=, inside_row = inside_, across_row = across_, down_row = down_]() PENSTOCK_INLINE {
    int32_t* __restrict inside = inside_row;
    double* __restrict across = across_row, * __restrict down = down_row;
    const double a = m[0], d = m[3], g = m[6], c = m[2], f = m[5];
    const double b = m[1] * vertical, e = m[4] * vertical, h = m[7] * vertical;
    for (int i = 0; i < chunk.count; ++i) {
      const double horizontal = chunk.first + i + 0.5;
      double x = a * horizontal + b + c, at_y = d * horizontal + e + f;
      if (kDivides) {
        const double divisor = g * horizontal + h + 1;
        x /= divisor;
        at_y /= divisor;
      }
      inside[i] = static_cast<int32_t>((x >= 0) & (x < width) & (at_y >= 0) & (at_y < height));
      across[i] = x;
      down[i] = at_y;
    }
  });
}

// The places of what was seen.
void Interpolator::locate(int count) {
  split(level_, count, size_.width, across_, left_);
  split(level_, count, size_.height, down_, top_);
  const int32_t before = border(warp_->interpolation) - 1, stride = packed_->stride(), beyond = packed_->beyond();
  const int32_t origin = packed_->origin() - before * (stride + 1);
  at_level(level_, [=, place_row = places_, inside = inside_, left = left_, top = top_]() PENSTOCK_INLINE {
    int32_t* __restrict places = place_row;
    for (int i = 0; i < count; ++i) {
      places[i] = inside[i] != 0 ? origin + top[i] * stride + left[i] : beyond;
    }
  });
}

void Interpolator::gather_bilinear(Chunk chunk) {
  const uint32_t* const upper = packed_->pixels();
  gather_pairs(level_, upper, places_, chunk.count, taps_[0], taps_[1]);
  gather_pairs(level_, upper + packed_->stride(), places_, chunk.count, taps_[2], taps_[3]);
}

void Interpolator::write_bilinear(uint8_t* row, int channel, int count) {
  const int shift = 8 * channel;
  at_level(level_, [=, levels = levels_, taps = taps_, across_row = across_, down_row = down_]() PENSTOCK_INLINE {
    const uint32_t* __restrict upper_left = taps[0], * __restrict upper_right = taps[1];
    const uint32_t* __restrict lower_left = taps[2], * __restrict lower_right = taps[3];
    const double* __restrict across = across_row, * __restrict down = down_row;
    int32_t* __restrict out = levels;
    for (int x = 0; x < count; ++x) {
      const int32_t a = channel_of(upper_left[x], shift), b = channel_of(upper_right[x], shift);
      const int32_t c = channel_of(lower_left[x], shift), d = channel_of(lower_right[x], shift);
      const double upper = a + (b - a) * across[x], lower = c + (d - c) * across[x];
      out[x] = static_cast<int32_t>(upper + (lower - upper) * down[x]);
    }
  });
  narrow(level_, levels_, count, row);
}

// What one of the four lines of pixels around gives, for all channels.
void Interpolator::cubic_line(int line, Chunk chunk) {
  const uint32_t* const pixels = packed_->pixels() + line * packed_->stride();
  gather_pairs(level_, pixels, places_, chunk.count, taps_[0], taps_[1]);
  gather_pairs(level_, pixels + 2, places_, chunk.count, taps_[2], taps_[3]);
  for (int channel = 0; channel < 3; ++channel) {
    const int shift = 8 * channel;
    double* const result = lines_[channel][line];
    at_level(level_, [=, taps = taps_, across_row = across_]() PENSTOCK_INLINE {
      const uint32_t* __restrict first = taps[0], * __restrict second = taps[1];
      const uint32_t* __restrict third = taps[2], * __restrict fourth = taps[3];
      const double* __restrict across = across_row;
      double* __restrict out = result;
      for (int x = 0; x < chunk.count; ++x) {
        out[x] = cubic(channel_of(first[x], shift), channel_of(second[x], shift), channel_of(third[x], shift),
                       channel_of(fourth[x], shift), across[x]);
      }
    });
  }
}

void Interpolator::write_cubic(uint8_t* row, int channel, int count) {
  const double (*const lines)[kChunk] = lines_[channel];
  at_level(level_, [=, levels = levels_, down_row = down_]() PENSTOCK_INLINE {
    const double* __restrict first = lines[0], * __restrict second = lines[1];
    const double* __restrict third = lines[2], * __restrict fourth = lines[3];
    const double* __restrict down = down_row;
    int32_t* __restrict out = levels;
    for (int x = 0; x < count; ++x) {
      const double value = cubic(first[x], second[x], third[x], fourth[x], down[x]);
      const double least = value > 0 ? value : 0;
      out[x] = static_cast<int32_t>(least < 255 ? least : 255);
    }
  });
  narrow(level_, levels_, count, row);
}

}  // namespace penstock

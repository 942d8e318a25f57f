#include "engine/warp/packed_image.h"

#include <algorithm>
#include <cstring>

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: takes whole groups of 16 pixels, and returns how many pixels it wrote.
PENSTOCK_AVX2 int pack_avx2(const uint8_t* red, const uint8_t* green, const uint8_t* blue, int width, uint32_t* out) {
  const auto load = [](const uint8_t* values)
                        PENSTOCK_AVX2 { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(values)); };
  const __m128i zero = _mm_setzero_si128();
  int x = 0;
  for (; x + 16 <= width; x += 16) {
    const __m128i r = load(red + x), g = load(green + x), b = load(blue + x);
    const __m128i rg[2] = {_mm_unpacklo_epi8(r, g), _mm_unpackhi_epi8(r, g)};
    const __m128i bz[2] = {_mm_unpacklo_epi8(b, zero), _mm_unpackhi_epi8(b, zero)};
    for (int half = 0; half < 2; ++half) {
      __m128i* const to = reinterpret_cast<__m128i*>(out + x + 8 * half);
      _mm_storeu_si128(to, _mm_unpacklo_epi16(rg[half], bz[half]));
      _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(rg[half], bz[half]));
    }
  }
  return x;
}

#endif

void pack_row(SimdLevel level, const uint8_t* red, const uint8_t* green, const uint8_t* blue, int width,
              uint32_t* out) {
  int x = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) x = pack_avx2(red, green, blue, width, out);
#endif
  static_cast<void>(level);
  for (; x < width; ++x) out[x] = uint32_t{red[x]} | uint32_t{green[x]} << 8 | uint32_t{blue[x]} << 16;
}

}  // namespace

void PackedImage::pack(SimdLevel level, const PlanarImage& image, int border, const std::array<uint8_t, 3>& fill) {
  const auto [height, width] = image.size;
  border_ = border;
  stride_ = width + 2 * border;
  const auto stride = static_cast<size_t>(stride_);
  const size_t rows = static_cast<size_t>(height) + 2 * static_cast<size_t>(border);
  beyond_ = static_cast<int32_t>(rows * stride);
  uint32_t* const memory = memory_.reserve(rows * stride + (kMaxTaps - 1) * stride + kMaxTaps);
  uint32_t* const first = memory + border * stride;
  for (int y = 0; y < height; ++y) {
    const size_t offset = static_cast<size_t>(y) * width;
    uint32_t* const row = first + y * stride;
    uint32_t* const inner = row + border;
    pack_row(level, image.plane(0) + offset, image.plane(1) + offset, image.plane(2) + offset, width, inner);
    std::fill_n(row, border, inner[0]);
    std::fill_n(inner + width, border, inner[width - 1]);
  }
  for (int y = 0; y < border; ++y) {
    std::memcpy(memory + y * stride, first, stride * sizeof(uint32_t));
    std::memcpy(first + (height + y) * stride, first + (height - 1) * stride, stride * sizeof(uint32_t));
  }
  const uint32_t colour = uint32_t{fill[0]} | uint32_t{fill[1]} << 8 | uint32_t{fill[2]} << 16;
  std::fill_n(memory + beyond_, (kMaxTaps - 1) * stride + kMaxTaps, colour);
}

}  // namespace penstock

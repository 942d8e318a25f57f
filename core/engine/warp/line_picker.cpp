#include "engine/warp/line_picker.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include <algorithm>

#include "engine/intrinsics.h"

namespace penstock {
namespace {

constexpr int kLanes = 16;

// The lanes from `first` to below `last`, which may lie anywhere.
PENSTOCK_AVX512 inline __mmask16 lanes_between(int first, int last) {
  const int begin = std::clamp(first, 0, kLanes), end = std::clamp(last, begin, kLanes);
  return static_cast<__mmask16>((1U << end) - (1U << begin));
}

// Where 16 neighbouring pixels are seen.
struct Places {
  __m512i x;
  __m512i y;
};

PENSTOCK_AVX512 inline __m512i all(uint32_t value) { return _mm512_set1_epi32(static_cast<int32_t>(value)); }

// What stays as it is along a line.
struct Constants {
  Places step;      // to the next 16
  __m512i strides;  // bytes from column to column, and from row to row above
  __m512i last;     // byte that four can be read from
  __m512i colour;   // beyond the image
  const uint8_t* data;
};

PENSTOCK_AVX512 inline Constants constants_of(const PixelGrid& grid, const Line& line,
                                              const std::array<uint8_t, 3>& fill) {
  const auto stride = static_cast<uint32_t>(grid.stride);
  return {{all(kLanes * line.step_x), all(kLanes * line.step_y)},
          all(stride << 16 | static_cast<uint32_t>(grid.pixel_bytes)),
          all(static_cast<uint32_t>(grid.bytes() - 4)),
          all(fill[0] | uint32_t{fill[1]} << 8 | uint32_t{fill[2]} << 16),
          grid.data};
}

PENSTOCK_AVX512 inline Places first_places(const Line& line) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return {_mm512_add_epi32(all(line.x), _mm512_mullo_epi32(lanes, all(line.step_x))),
          _mm512_add_epi32(all(line.y), _mm512_mullo_epi32(lanes, all(line.step_y)))};
}

PENSTOCK_AVX512 inline void advance(Places& places, const Constants& constants) {
  places.x = _mm512_add_epi32(places.x, constants.step.x);
  places.y = _mm512_add_epi32(places.y, constants.step.y);
}

// The pixels at the places of `lanes`, from the lowest byte on; the colour beyond for the others.
PENSTOCK_AVX512 inline __m512i pixels_at(const Places& places, __mmask16 lanes, const Constants& constants) {
  // Whole columns in the lower words, whole rows in the upper ones.
  const __m512i columns_rows = _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(places.x, 16), places.y);
  const __m512i at = _mm512_madd_epi16(columns_rows, constants.strides);
  // Of three bytes, the last pixel is found in the upper three of four.
  const __mmask16 behind = _mm512_mask_cmpgt_epi32_mask(lanes, at, constants.last);
  const __m512i from = _mm512_min_epi32(at, constants.last);
  const __m512i pixels = _mm512_mask_i32gather_epi32(constants.colour, lanes, from, constants.data, 1);
  return _mm512_mask_srli_epi32(pixels, behind, pixels, 8);
}

// Writes those of the 16 pixels that are in the mask.
PENSTOCK_AVX512 inline void store(__m512i pixels, __mmask16 mask, uint8_t* red, uint8_t* green, uint8_t* blue) {
  const __m512i by_channel =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i all_quarters = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i planes = _mm512_permutexvar_epi32(all_quarters, _mm512_shuffle_epi8(pixels, by_channel));
  _mm_mask_storeu_epi8(red, mask, _mm512_castsi512_si128(planes));
  _mm_mask_storeu_epi8(green, mask, _mm512_extracti32x4_epi32(planes, 1));
  _mm_mask_storeu_epi8(blue, mask, _mm512_extracti32x4_epi32(planes, 2));
}

}  // namespace

// SAFETY: only places inside the grid are read, and stores are masked.
PENSTOCK_AVX512 void pick_line_avx512(const PixelGrid& grid, const Line& line, const std::array<uint8_t, 3>& fill,
                                      const PlanarRow& row) {
  const Constants constants = constants_of(grid, line, fill);
  const int width = grid.size.width, first = line.first, last = line.last;
  uint8_t *const red = row.red, *const green = row.green, *const blue = row.blue;
  Places places = first_places(line);
  for (int x = 0; x < width;) {
    for (; x >= first && x + kLanes <= last; x += kLanes, advance(places, constants)) {
      store(pixels_at(places, 0xFFFF, constants), 0xFFFF, red + x, green + x, blue + x);
    }
    if (x >= width) break;
    const __mmask16 inside = lanes_between(first - x, last - x);
    const __m512i pixels = inside == 0 ? constants.colour : pixels_at(places, inside, constants);
    store(pixels, lanes_between(0, width - x), red + x, green + x, blue + x);
    x += kLanes;
    advance(places, constants);
  }
}

}  // namespace penstock

#endif

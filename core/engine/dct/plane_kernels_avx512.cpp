#include "engine/dct/plane_kernels.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include <immintrin.h>

// SAFETY: all kernels take 64 input samples at a time, so they read up to 63 past the end of a row (with the one after
// it, 64) and write up to 63.

namespace penstock {
namespace {

constexpr int kStep = 64;

PENSTOCK_AVX512 inline __m512i load(const uint8_t* from) { return _mm512_loadu_si512(from); }

PENSTOCK_AVX512 inline void store(uint8_t* to, __m512i bytes) { _mm512_storeu_si512(to, bytes); }

PENSTOCK_AVX512 inline __m512i complement(__m512i bytes) { return _mm512_xor_si512(bytes, _mm512_set1_epi8(-1)); }

// (3 near + far + 1) / 4 from averages: the inner one is rounded up, as the instruction does; the outer one down, as it
// does with the complements.
PENSTOCK_AVX512 inline __m512i ties_down(__m512i near, __m512i far) {
  return complement(_mm512_avg_epu8(complement(near), complement(_mm512_avg_epu8(near, far))));
}

// (3 near + far + 2) / 4, likewise.
PENSTOCK_AVX512 inline __m512i ties_up(__m512i near, __m512i far) {
  return _mm512_avg_epu8(near, complement(_mm512_avg_epu8(complement(near), complement(far))));
}

// Two registers with the lower and the higher half of what each lane has got. Leaves the second half out where not even
// its first sample is one of the `samples` at `to`.
PENSTOCK_AVX512 inline void store_both(uint8_t* to, int samples, __m512i low, __m512i high) {
  const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  store(to, _mm512_permutex2var_epi64(low, first, high));
  if (samples > 64) store(to + 64, _mm512_permutex2var_epi64(low, second, high));
}

PENSTOCK_AVX512 void upsample_h2v1_avx512(const uint8_t* row, int width, uint8_t* out) {
  for (int x = 0; x < width; x += kStep) {
    const __m512i here = load(row + x);
    const __m512i left = ties_down(here, load(row + x - 1)), right = ties_up(here, load(row + x + 1));
    store_both(out + 2 * x, 2 * (width - x), _mm512_unpacklo_epi8(left, right), _mm512_unpackhi_epi8(left, right));
  }
}

PENSTOCK_AVX512 void upsample_h1v2_avx512(const uint8_t* near, const uint8_t* far, bool above, int width,
                                          uint8_t* out) {
  if (above) {
    for (int x = 0; x < width; x += kStep) store(out + x, ties_down(load(near + x), load(far + x)));
  } else {
    for (int x = 0; x < width; x += kStep) store(out + x, ties_up(load(near + x), load(far + x)));
  }
}

// A row of samples and the farther row beside it.
struct TwoRows {
  __m512i near;
  __m512i far;
};

PENSTOCK_AVX512 inline TwoRows load_two(const uint8_t* near, const uint8_t* far) { return {load(near), load(far)}; }

// Of each pair of neighbours: 16 times the left output sample of the second one ...
PENSTOCK_AVX512 inline __m512i left_of_second(const TwoRows& rows) {
  return _mm512_add_epi16(_mm512_maddubs_epi16(rows.near, _mm512_set1_epi16(9 << 8 | 3)),
                          _mm512_maddubs_epi16(rows.far, _mm512_set1_epi16(3 << 8 | 1)));
}

// ... and the right one of the first.
PENSTOCK_AVX512 inline __m512i right_of_first(const TwoRows& rows) {
  return _mm512_add_epi16(_mm512_maddubs_epi16(rows.near, _mm512_set1_epi16(3 << 8 | 9)),
                          _mm512_maddubs_epi16(rows.far, _mm512_set1_epi16(1 << 8 | 3)));
}

// Bytes (left + 8) / 16, (right + 7) / 16. The product's own rounding gives the first, negated the second.
PENSTOCK_AVX512 inline __m512i sixteenths(__m512i left, __m512i right) {
  const __m512i minus_right = _mm512_mulhrs_epi16(right, _mm512_set1_epi16(-(1 << 11)));
  return _mm512_sub_epi16(_mm512_mulhrs_epi16(left, _mm512_set1_epi16(1 << 11)), _mm512_slli_epi16(minus_right, 8));
}

PENSTOCK_AVX512 void upsample_h2v2_avx512(const uint8_t* near, const uint8_t* far, int width, uint8_t* out) {
  for (int x = 0; x < width; x += kStep) {
    // Pairs (-1, 0), (0, 1) and (1, 2), (2, 3) and so on.
    const TwoRows before = load_two(near + x - 1, far + x - 1);
    const TwoRows here = load_two(near + x, far + x);
    const TwoRows after = load_two(near + x + 1, far + x + 1);
    const __m512i even = sixteenths(left_of_second(before), right_of_first(here));
    const __m512i odd = sixteenths(left_of_second(here), right_of_first(after));
    store_both(out + 2 * x, 2 * (width - x), _mm512_unpacklo_epi16(even, odd), _mm512_unpackhi_epi16(even, odd));
  }
}

// Bytes with the highest bit flipped: what is centred on 128 gets centred on 0, and the other way round.
PENSTOCK_AVX512 inline __m512i centred(__m512i bytes) { return _mm512_xor_si512(bytes, _mm512_set1_epi8(-128)); }

// Cb and Cr, centred, as alternating bytes; the first and the second half of each lane.
struct Chroma {
  __m512i low;
  __m512i high;
};

// Words of cb_factor * Cb + cr_factor * Cr, where `factors` is cb_factor | cr_factor << 8, both unsigned.
PENSTOCK_AVX512 inline __m512i sums(__m512i chroma, int factors) {
  return _mm512_maddubs_epi16(_mm512_set1_epi16(static_cast<int16_t>(factors)), chroma);
}

// Y + c + c * factor / 32768, where c is one component of `chroma`, also given as bytes. The two addends never have
// different signs, so saturating after each is the same as saturating once.
PENSTOCK_AVX512 inline __m512i red_or_blue(__m512i y, const Chroma& chroma, int selection, __m512i bytes,
                                           int16_t factor) {
  const __m512i by = _mm512_set1_epi16(factor);
  const __m512i low = _mm512_mulhrs_epi16(sums(chroma.low, selection), by);
  const __m512i high = _mm512_mulhrs_epi16(sums(chroma.high, selection), by);
  return centred(_mm512_adds_epi8(_mm512_adds_epi8(y, bytes), _mm512_packs_epi16(low, high)));
}

// -(11277 Cb + 23401 Cr) / 32768, rounded: with factors of two digits, 11277 = 44 * 256 + 13, 23401 = 91 * 256 + 105.
// The lower digits' sum is divided by 256 with its sign changed, rounding down, which leaves the whole exact.
PENSTOCK_AVX512 inline __m512i green_less_y(__m512i chroma) {
  const __m512i lower = _mm512_mulhi_epi16(sums(chroma, 105 << 8 | 13), _mm512_set1_epi16(-256));
  return _mm512_mulhrs_epi16(_mm512_sub_epi16(lower, sums(chroma, 91 << 8 | 44)), _mm512_set1_epi16(256));
}

PENSTOCK_AVX512 inline __m512i green(__m512i y, const Chroma& chroma) {
  const __m512i zero = _mm512_setzero_si512();
  return _mm512_packus_epi16(_mm512_add_epi16(_mm512_unpacklo_epi8(y, zero), green_less_y(chroma.low)),
                             _mm512_add_epi16(_mm512_unpackhi_epi8(y, zero), green_less_y(chroma.high)));
}

PENSTOCK_AVX512 void ycc_to_rgb_avx512(uint8_t* y_red, uint8_t* cb_green, uint8_t* cr_blue, int width) {
  for (int x = 0; x < width; x += kStep) {
    const __m512i y = load(y_red + x), cb = centred(load(cb_green + x)), cr = centred(load(cr_blue + x));
    const Chroma chroma = {_mm512_unpacklo_epi8(cb, cr), _mm512_unpackhi_epi8(cb, cr)};
    store(y_red + x, red_or_blue(centred(y), chroma, 1 << 8, cr, 13173));  // 0.402
    store(cb_green + x, green(y, chroma));
    store(cr_blue + x, red_or_blue(centred(y), chroma, 1, cb, 25297));  // 0.772
  }
}

}  // namespace

const PlaneKernels& plane_kernels_avx512() {
  static constexpr PlaneKernels kKernels = {upsample_h2v1_avx512, upsample_h1v2_avx512, upsample_h2v2_avx512,
                                            ycc_to_rgb_avx512};
  return kKernels;
}

}  // namespace penstock

#endif

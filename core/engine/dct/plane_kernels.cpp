#include "engine/dct/plane_kernels.h"

#include <algorithm>

// Upsampling weighs the nearer sample 3/4 and the farther one 1/4 in each direction. A tie is rounded down towards the
// left (above) and up towards the right (below), in h2v2 the other way round: libjpeg's dither pattern. With copies of
// the outermost samples around the plane this also gives libjpeg's special cases: (3 v + v + bias) / 4 is v. Planes of
// one or two samples a row it replicates instead along the row (jinit_upsampler): that is the caller's choice.

namespace penstock {
namespace {

// Four times the sample between two others, next to the nearer one.
int weighted(int near, int far) { return 3 * near + far; }

void upsample_h2v1_portable(const uint8_t* row, int width, uint8_t* __restrict out) {
  for (int x = 0; x < width; ++x) {
    out[2 * x] = static_cast<uint8_t>((weighted(row[x], row[x - 1]) + 1) >> 2);
    out[2 * x + 1] = static_cast<uint8_t>((weighted(row[x], row[x + 1]) + 2) >> 2);
  }
}

void upsample_h1v2_portable(const uint8_t* near, const uint8_t* far, bool above, int width, uint8_t* __restrict out) {
  const int bias = above ? 1 : 2;
  for (int x = 0; x < width; ++x) out[x] = static_cast<uint8_t>((weighted(near[x], far[x]) + bias) >> 2);
}

void upsample_h2v2_portable(const uint8_t* near, const uint8_t* far, int width, uint8_t* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const int before = weighted(near[x - 1], far[x - 1]);
    const int here = weighted(near[x], far[x]);
    const int after = weighted(near[x + 1], far[x + 1]);
    out[2 * x] = static_cast<uint8_t>((weighted(here, before) + 8) >> 4);
    out[2 * x + 1] = static_cast<uint8_t>((weighted(here, after) + 7) >> 4);
  }
}

using Word = int16_t;  // vector units without 32-bit products have those of 16 bits, and the upper halves of them

Word sum(Word a, Word b) { return static_cast<Word>(a + b); }
Word product(Word a, Word b) { return static_cast<Word>(a * b); }
Word upper_half(Word a, Word b) { return static_cast<Word>(a * b >> 16); }
Word halved(Word a) { return static_cast<Word>((a + 1) >> 1); }
uint8_t clamped(Word a) { return static_cast<uint8_t>(std::clamp<Word>(a, 0, 255)); }

// -(11277 Cb + 23401 Cr) / 32768, rounded: with factors of two digits, 11277 = 44 * 256 + 13, 23401 = 91 * 256 + 105.
Word green_less_y(Word cb, Word cr) {
  const Word lower = static_cast<Word>(-sum(product(cb, 13), product(cr, 105)) >> 8);
  const Word higher = sum(product(cb, 44), product(cr, 91));
  return static_cast<Word>((lower - higher + 64) >> 7);
}

// libjpeg's factors are multiples of 1 / 65536: 91881 and 116130 for red and blue, 22554 and 46802 for green. Without
// the whole part, and halved where they are even, they fit 16 bits; its rounding is kept.
void ycc_to_rgb_portable(uint8_t* __restrict y_red, uint8_t* __restrict cb_green, uint8_t* __restrict cr_blue,
                         int width) {
  for (int x = 0; x < width; ++x) {
    const Word y = y_red[x];
    const Word cb = static_cast<Word>(cb_green[x] - 128), cr = static_cast<Word>(cr_blue[x] - 128);
    const Word red = sum(cr, halved(upper_half(product(cr, 2), 91881 - 65536)));
    const Word blue = sum(cb, halved(upper_half(product(cb, 4), (116130 - 65536) / 2)));
    y_red[x] = clamped(sum(y, red));
    cb_green[x] = clamped(sum(y, green_less_y(cb, cr)));
    cr_blue[x] = clamped(sum(y, blue));
  }
}

}  // namespace

const PlaneKernels& plane_kernels(SimdLevel level) {
  static constexpr PlaneKernels kPortableKernels = {upsample_h2v1_portable, upsample_h1v2_portable,
                                                    upsample_h2v2_portable, ycc_to_rgb_portable};
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level == SimdLevel::kAvx512) return plane_kernels_avx512();
  if (level == SimdLevel::kAvx2) return plane_kernels_avx2();
#endif
  static_cast<void>(level);
  return kPortableKernels;
}

}  // namespace penstock

// The block kernels of each instruction set, and what they share.
#pragma once

#include "engine/dct/kernels.h"

namespace penstock {

// One dimension of libjpeg's JDCT_ISLOW is linear in its inputs until it is rounded, so its factors (jidctint.c)
// multiply out to one constant for each pair of input and output; all fit 16 bits. With inputs 0 to 7:
//   even[k] = (in0 +- in4) << 13, plus kEven of in2 and in6     output k     = even[k] + odd[k]
//   odd[k]  = kOdd of in1, in3, in5 and in7                     output 7 - k = even[k] - odd[k]
constexpr int kIdctBits = 13;
constexpr int16_t kEven[4][2] = {{10703, 4433}, {4433, -10704}, {-4433, 10704}, {-10703, -4433}};
constexpr int16_t kEvenSign[4] = {1, -1, -1, 1};  // of in4
constexpr int16_t kOdd[4][4] = {
    {11363, 9633, 6437, 2260}, {9633, -2259, -11362, -6436}, {6437, -11362, 2261, 9633}, {2260, -6436, 9633, -11363}};

// Descaling after the first pass leaves 2 more bits than a sample has; the second takes them and 3 for the two sums
// off.
constexpr int kFirstShift = kIdctBits - 2;
constexpr int kSecondShift = kIdctBits + 2 + 3;
constexpr int32_t kFirstBias = 1 << (kFirstShift - 1);
constexpr int32_t kSecondBias = (1 << (kSecondShift - 1)) + (128 << kSecondShift);  // and the level shift of samples

const BlockKernels& block_kernels_portable();
#ifdef PENSTOCK_HAS_AVX2_KERNELS
const BlockKernels& block_kernels_avx2();
const BlockKernels& block_kernels_avx512();
#endif

}  // namespace penstock

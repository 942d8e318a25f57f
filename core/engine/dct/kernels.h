// The inner loops of decoding from coefficients, for each instruction set. All levels give the same bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/dct/frame.h"
#include "engine/dct/segment.h"
#include "engine/simd.h"

namespace penstock {

constexpr int kMaxLanes = 4;

// Blocks to samples. A group is the coefficients of `lanes` neighbouring blocks, interleaved as a level's inverse DCT
// wants them: those of block b lie at (place / 8 * lanes + b) * 8 + place % 8.
struct BlockKernels {
  int lanes;                               // blocks in a group: 1, 2 or 4
  std::array<uint8_t, kBlockItems> place;  // of each coefficient, by its position in the block, row by row

  // Writes groups for the blocks `first` <= b < `last` of a segment, block `first` as lane 0 of the first group;
  // `first` is a multiple of `lanes`. Unused lanes of the last group hold anything. False where a mask doesn't agree
  // with its header (what was written is then worth nothing).
  bool (*expand)(const Segment& segment, int first, int last, int16_t* groups);

  // Dequantises a group and writes its samples: 8 rows of lanes * 8 bytes at out, out + stride ... `quantization` is
  // one block's, by place. libjpeg's JDCT_ISLOW, for coefficients on which its C and SIMD versions agree.
  void (*inverse)(const int16_t* group, const int16_t* quantization, uint8_t* out, ptrdiff_t stride);
};

// Planes to planes. `width` counts input samples; rows may be read and written up to 64 bytes past their end, and
// upsampling also reads the sample before and the one after a row (at an image's edge: copies of the outermost one).
// The arithmetic is libjpeg-turbo's fancy upsampling (jdsample.c) and colour conversion (jdcolor.c).
struct PlaneKernels {
  // Twice as many samples; 3/4 nearer, 1/4 farther.
  void (*upsample_h2v1)(const uint8_t* row, int width, uint8_t* out);
  // As many samples, of the output row next to `near` on the side of `far`; `above` says that this is the upper of
  // the two output rows of `near`.
  void (*upsample_h1v2)(const uint8_t* near, const uint8_t* far, bool above, int width, uint8_t* out);
  // Twice as many samples of one output row.
  void (*upsample_h2v2)(const uint8_t* near, const uint8_t* far, int width, uint8_t* out);
  // In place: y, cb, cr become r, g, b.
  void (*ycc_to_rgb)(uint8_t* y_red, uint8_t* cb_green, uint8_t* cr_blue, int width);
};

const BlockKernels& block_kernels(SimdLevel level);
const PlaneKernels& plane_kernels(SimdLevel level);

}  // namespace penstock

// Blocks to segments (SPEC.md, 9.3), for each instruction set. All levels give the same bytes.
#pragma once

#include <array>
#include <cstdint>

#include "engine/dct/encoder_range.h"
#include "engine/dct/segment.h"
#include "engine/simd.h"

namespace penstock {

// Bytes that packing may write at `out`.
constexpr int kSegmentRoom = kMaxSegmentBytes + 64;

// Packs `count` blocks, 1 to kSegmentBlocks, and returns the segment's entry in the table, or 0 where a block is not
// in_range.
using PackSegment = uint16_t (*)(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits,
                                 uint8_t* out);

PackSegment segment_packer(SimdLevel level);

}  // namespace penstock

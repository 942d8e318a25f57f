// Coefficients from segments, one value after the other, with every promise of SPEC.md, 9.3 checked.
#pragma once

#include <cstdint>

#include "engine/dct/frame.h"
#include "engine/dct/segment.h"

namespace penstock {

// Writes all blocks of a segment; they must hold zeros. Throws Error(kDecode).
void unpack_segment(const Segment& segment, int16_t (*blocks)[kBlockItems]);

}  // namespace penstock

// Whether a block is one that all of libjpeg's implementations decode alike, and that a JPEG can hold.
#pragma once

#include <array>
#include <cstdint>

#include "engine/dct/table_choice.h"

namespace penstock {

// What JPEGs of 8 bits hold: differences of DC have 11 bits, AC coefficients 10 (ITU T.81, F.1.2).
constexpr int kMinDc = -1024;
constexpr int kMaxDc = 1023;
constexpr int kMaxAc = 1023;

// A cheap sufficient condition: the sum of |coefficient| x weight, row by row, is at most kWeightedLimit.
constexpr int kWeightedLimit = 16000;
std::array<int16_t, kBlockItems> range_weights(const Quantization& quantization);

// The condition itself (SPEC.md, 9.5), by working the inverse DCT out.
bool in_range(const int16_t* block, const Quantization& quantization);

}  // namespace penstock

// JPEGs decoded by libjpeg-turbo alone, row by row: the oracle.
#pragma once

#include <optional>
#include <vector>

#include "engine/geometry.h"

namespace penstock::fuzzing {

// The whole image, plane by plane: the accurate integer inverse DCT and fancy upsampling, grey as RGB, warnings
// ignored. nullopt where libjpeg reports an error or the data end before the last row.
std::optional<std::vector<uint8_t>> libjpeg_pixels(Bytes jpeg);

}  // namespace penstock::fuzzing

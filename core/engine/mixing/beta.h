// Beta(alpha, alpha) from an op's uniform numbers.
#pragma once

#include <cstdint>

#include "engine/random/drawing.h"

namespace penstock {

// A number in [0, 1]. Takes two uniforms of a block for each try, from block `first` on, until one is accepted: by
// Jöhnk (1964) for alpha up to 1, by algorithm BB of Cheng, "Generating beta variates with nonintegral shape
// parameters" (1978), above. Half of the tries or more are accepted.
double draw_symmetric_beta(const OpStream& stream, uint32_t first, double alpha);

}  // namespace penstock

// Whether a row of parameters was drawn for images of a size.
#pragma once

#include "engine/geometry.h"
#include "engine/program.h"

namespace penstock {

// Throws Error(kOption) for a row whose crops or erased parts do not lie inside an image of this size, or which holds
// what nobody drew; Error(kDecode) for an image that is smaller than one of several crops. Looks at no pixels.
void check_row(const Program& program, const double* row, Size size);

}  // namespace penstock

// Program.apply: one row of drawn parameters on one decoded image.
#pragma once

#include <pybind11/numpy.h>

#include "engine/program.h"

namespace penstock {

// `image` is a (h, w, 3) uint8 array, copied where it is strided; `params` one row of float64. The result is a new
// (3, out_h, out_w) array of the program's dtype. Throws Error(kOption) for other shapes and dtypes.
pybind11::array apply(const Program& program, const pybind11::object& image, const pybind11::object& params);

}  // namespace penstock

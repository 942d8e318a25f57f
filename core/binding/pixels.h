// Regions and pixels as Python gives and takes them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>

#include "engine/geometry.h"

namespace penstock {

using Region = std::array<int, 4>;  // x, y, width, height

// The region as a rectangle, or the whole image. Throws Error(kOption) for one that is not inside `size`.
Rect rect_of(const std::optional<Region>& region, Size size);

// A new (height, width, 3) array with a copy of the planes. Needs the interpreter lock, and lets go of it meanwhile.
pybind11::array_t<uint8_t> interleaved(const Planes& planes);

}  // namespace penstock

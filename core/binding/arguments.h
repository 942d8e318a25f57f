// Checks of what comes from Python; a refusal names the argument, what was expected and what came.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>

namespace penstock {

// Integers of a key (docs/design, "Keys"). Throws Error(kOption) outside the range.
uint64_t seed_argument(const pybind11::int_& seed);    // 0 .. 2^64 - 1
uint32_t epoch_argument(const pybind11::int_& epoch);  // 0 .. 2^32 - 1
uint16_t view_argument(const pybind11::int_& view);    // 0 .. 2^16 - 1

}  // namespace penstock

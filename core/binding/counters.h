// Counters of an engine as Python objects; _core.pyi says what is in them.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "engine/engine.h"

namespace penstock {

pybind11::dict to_python(const Counters& counters);
pybind11::list to_python(const std::vector<SampleUnderWay>& samples);

}  // namespace penstock

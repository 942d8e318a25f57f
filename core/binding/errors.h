// From the engine's faults to the classes of penstock.errors.
#pragma once

#include <pybind11/pybind11.h>

#include "engine/error.h"

namespace penstock {

// The Python exception (an instance) for an engine fault. Needs the interpreter lock.
pybind11::object to_python(const Error& error);

}  // namespace penstock

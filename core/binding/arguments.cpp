#include "binding/arguments.h"

#include <string>

#include "engine/error.h"

namespace py = pybind11;

namespace penstock {
namespace {

uint64_t unsigned_argument(const char* name, const py::int_& value, int bits) {
  const uint64_t highest = ~uint64_t{0} >> (64 - bits);
  const unsigned long long number = PyLong_AsUnsignedLongLong(value.ptr());
  if (PyErr_Occurred() != nullptr || number > highest) {
    PyErr_Clear();
    throw Error(Fault::kOption, std::string(name) + ": expected an integer from 0 to " + std::to_string(highest) +
                                    ", got " + std::string(py::str(value)));
  }
  return number;
}

}  // namespace

uint64_t seed_argument(const py::int_& seed) { return unsigned_argument("seed", seed, 64); }

uint32_t epoch_argument(const py::int_& epoch) { return static_cast<uint32_t>(unsigned_argument("epoch", epoch, 32)); }

uint16_t view_argument(const py::int_& view) { return static_cast<uint16_t>(unsigned_argument("view", view, 16)); }

}  // namespace penstock

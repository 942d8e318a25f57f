// Checks of what comes from Python; a refusal names the argument, what was expected and what came.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/error.h"

namespace penstock {

// Integers of a key (docs/design, "Keys"). Throws Error(kOption) outside the range.
uint64_t seed_argument(const pybind11::int_& seed);    // 0 .. 2^64 - 1
uint32_t epoch_argument(const pybind11::int_& epoch);  // 0 .. 2^32 - 1
uint16_t view_argument(const pybind11::int_& view);    // 0 .. 2^16 - 1

// "int32 of shape (3, 2)", or the type's name for what is no numpy array.
std::string describe_array(pybind11::handle object);

// "(3, 2)"
std::string describe_shape(const std::vector<pybind11::ssize_t>& shape);

// Length of a one-dimensional numpy array. Throws Error(kOption) for anything else.
pybind11::ssize_t column_length(const char* name, pybind11::handle object);

// `object` as a C-contiguous array of exactly this dtype and shape (a copy where it is strided). Throws Error(kOption).
template <typename T>
pybind11::array_t<T, pybind11::array::c_style> array_argument(const char* name, pybind11::handle object,
                                                              const std::vector<pybind11::ssize_t>& shape) {
  using Array = pybind11::array_t<T, pybind11::array::c_style>;
  if (pybind11::isinstance<pybind11::array>(object)) {
    const auto array = pybind11::reinterpret_borrow<pybind11::array>(object);
    const std::vector<pybind11::ssize_t> got(array.shape(), array.shape() + array.ndim());
    if (got == shape && array.dtype().equal(pybind11::dtype::of<T>())) return Array::ensure(array);
  }
  throw Error(Fault::kOption, std::string(name) + ": expected a numpy array, " +
                                  std::string(pybind11::str(pybind11::dtype::of<T>())) + " of shape " +
                                  describe_shape(shape) + ", got " + describe_array(object));
}

}  // namespace penstock

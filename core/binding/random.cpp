// crc32c, philox and Permutation.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "binding/arguments.h"
#include "binding/bytes_view.h"
#include "binding/register.h"
#include "engine/checksum/crc32c.h"
#include "engine/error.h"
#include "engine/random/permutation.h"
#include "engine/random/philox.h"

namespace py = pybind11;

namespace penstock {
namespace {

uint32_t crc32c_of(const py::object& data, uint32_t value) {
  const BytesView view(data);
  const py::gil_scoped_release unlocked;
  return crc32c(view.bytes(), value);
}

py::tuple philox_of(PhiloxKey key, PhiloxBlock counter) {
  const PhiloxBlock block = philox(key, counter);
  return py::make_tuple(block[0], block[1], block[2], block[3]);
}

Permutation make_permutation(int64_t size, const py::int_& seed, const py::int_& epoch) {
  const uint64_t checked_seed = seed_argument(seed);
  const uint32_t checked_epoch = epoch_argument(epoch);
  const py::gil_scoped_release unlocked;
  return Permutation(size, checked_seed, checked_epoch);
}

py::array_t<int64_t> take(const Permutation& permutation, int64_t start, int64_t stop) {
  if (start < 0 || stop < start || stop > permutation.size()) {
    throw Error(Fault::kOption, "start, stop: expected 0 <= start <= stop <= " + std::to_string(permutation.size()) +
                                    ", got " + std::to_string(start) + " and " + std::to_string(stop));
  }
  py::array_t<int64_t> indices(stop - start);
  int64_t* const out = indices.mutable_data();
  const py::gil_scoped_release unlocked;
  permutation.take(start, stop, out);
  return indices;
}

}  // namespace

void register_random(py::module_& module) {
  module.def("crc32c", &crc32c_of, py::arg("data"), py::arg("value") = 0);
  module.def("philox", &philox_of, py::arg("key"), py::arg("counter"));
  py::class_<Permutation>(module, "Permutation", py::is_final())
      .def(py::init(&make_permutation), py::arg("size"), py::arg("seed"), py::arg("epoch"))
      .def("__len__", &Permutation::size)
      .def("take", &take, py::arg("start"), py::arg("stop"));
}

}  // namespace penstock

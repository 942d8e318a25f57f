#include "binding/arguments.h"

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

std::string describe_shape(const std::vector<py::ssize_t>& shape) {
  std::string text = "(";
  for (size_t axis = 0; axis < shape.size(); ++axis) text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string describe_array(py::handle object) {
  if (!py::isinstance<py::array>(object)) return Py_TYPE(object.ptr())->tp_name;
  const auto array = py::reinterpret_borrow<py::array>(object);
  return std::string(py::str(array.dtype())) + " of shape " +
         describe_shape(std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
}

py::ssize_t column_length(const char* name, py::handle object) {
  if (py::isinstance<py::array>(object)) {
    const auto array = py::reinterpret_borrow<py::array>(object);
    if (array.ndim() == 1) return array.shape(0);
  }
  throw Error(Fault::kOption,
              std::string(name) + ": expected a one-dimensional numpy array, got " + describe_array(object));
}

}  // namespace penstock

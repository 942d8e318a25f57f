#include "binding/apply.h"

#include <string>
#include <vector>

#include "binding/arguments.h"
#include "engine/error.h"
#include "engine/execute.h"

namespace py = pybind11;

namespace penstock {
namespace {

py::array_t<uint8_t, py::array::c_style> image_argument(const py::object& object) {
  if (py::isinstance<py::array>(object)) {
    const auto array = py::reinterpret_borrow<py::array>(object);
    const bool is_image = array.ndim() == 3 && array.shape(0) > 0 && array.shape(1) > 0 && array.shape(2) == 3;
    if (is_image) return array_argument<uint8_t>("image", object, {array.shape(0), array.shape(1), 3});
  }
  throw Error(Fault::kOption, "image: expected a numpy array, uint8 of shape (height, width, 3) and not empty, got " +
                                  describe_array(object));
}

py::dtype dtype_of(const Program& program) {
  switch (program.dtype()) {
    case Dtype::kUint8:
      return py::dtype("uint8");
    case Dtype::kFloat32:
      return py::dtype("float32");
    case Dtype::kFloat16:
      return py::dtype("float16");
  }
  return py::dtype("uint8");
}

// From the beginning of a cache line on: vectors that cross two take twice as long to store.
py::array aligned_array(const py::dtype& dtype, const std::vector<py::ssize_t>& shape) {
  constexpr size_t kLine = 64;
  py::ssize_t bytes = dtype.itemsize();
  for (const py::ssize_t length : shape) bytes *= length;
  py::array_t<uint8_t> memory(bytes + static_cast<py::ssize_t>(kLine - 1));
  uint8_t* const begin = memory.mutable_data();
  return py::array(dtype, shape, begin + (kLine - reinterpret_cast<uintptr_t>(begin) % kLine) % kLine, memory);
}

}  // namespace

py::array apply(const Program& program, const py::object& image, const py::object& params) {
  const auto pixels = image_argument(image);
  const auto row = array_argument<double>("params", params, {static_cast<py::ssize_t>(program.columns().size())});
  const Size size{static_cast<int>(pixels.shape(0)), static_cast<int>(pixels.shape(1))};
  const double* const fields = row.data();
  const Size result_size = program.result_size(size, fields);
  std::vector<py::ssize_t> shape{3, result_size.height, result_size.width};
  if (program.crops() > 1) shape.insert(shape.begin(), program.crops());
  py::array result = aligned_array(dtype_of(program), shape);
  void* const out = result.mutable_data();
  const uint8_t* const data = pixels.data();
  const py::gil_scoped_release unlocked;
  thread_local Executor executor;
  executor.run_pixels(program, fields, {data, size, ptrdiff_t{size.width} * 3}, out);
  return result;
}

}  // namespace penstock

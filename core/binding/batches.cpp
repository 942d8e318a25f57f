// What a batch is made of: BufferPool, gather_rows.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "binding/arguments.h"
#include "binding/register.h"
#include "engine/buffer_pool.h"
#include "engine/error.h"

namespace py = pybind11;

namespace penstock {
namespace {

class PythonBufferPool {
 public:
  PythonBufferPool(py::dtype dtype, size_t kept) : dtype_(std::move(dtype)), pool_(kept) {}

  // An array whose base is the only owner of its memory.
  py::array take(const std::vector<py::ssize_t>& shape) {
    auto memory = std::make_unique<std::shared_ptr<uint8_t>>(pool_.take(bytes_of(shape)));
    uint8_t* const data = memory->get();
    const py::capsule owner(memory.get(), [](void* held) { delete static_cast<std::shared_ptr<uint8_t>*>(held); });
    memory.release();  // NOLINT(bugprone-unused-return-value): the capsule's now
    return py::array(dtype_, shape, data, owner);
  }

  void close() { pool_.close(); }
  size_t free() const { return pool_.free(); }

 private:
  size_t bytes_of(const std::vector<py::ssize_t>& shape) const {
    size_t bytes = static_cast<size_t>(dtype_.itemsize());
    for (const py::ssize_t side : shape) {
      if (side < 0 || (side > 0 && bytes > std::numeric_limits<size_t>::max() / 2 / static_cast<size_t>(side))) {
        throw Error(Fault::kOption, "shape: expected sizes that memory can hold, got " + describe_shape(shape));
      }
      bytes *= static_cast<size_t>(side);
    }
    return bytes;
  }

  py::dtype dtype_;
  BufferPool pool_;
};

template <typename Item>
void copy_items(const uint8_t* from, const int64_t* rows, py::ssize_t count, uint8_t* to) {
  for (py::ssize_t i = 0; i < count; ++i) {
    std::memcpy(to + sizeof(Item) * static_cast<size_t>(i), from + sizeof(Item) * static_cast<size_t>(rows[i]),
                sizeof(Item));
  }
}

void copy_rows(const uint8_t* from, size_t row_bytes, const int64_t* rows, py::ssize_t count, uint8_t* to) {
  if (row_bytes == 1) return copy_items<uint8_t>(from, rows, count, to);
  if (row_bytes == 4) return copy_items<uint32_t>(from, rows, count, to);
  if (row_bytes == 8) return copy_items<uint64_t>(from, rows, count, to);
  for (py::ssize_t i = 0; i < count; ++i) {
    std::memcpy(to + row_bytes * static_cast<size_t>(i), from + row_bytes * static_cast<size_t>(rows[i]), row_bytes);
  }
}

py::array gathered(const py::array& column, const int64_t* rows, py::ssize_t count) {
  std::vector<py::ssize_t> shape(column.shape(), column.shape() + column.ndim());
  const size_t row_bytes = shape[0] > 0 ? static_cast<size_t>(column.nbytes() / shape[0]) : 0;
  shape[0] = count;
  py::array result(column.dtype(), shape);
  copy_rows(static_cast<const uint8_t*>(column.data()), row_bytes, rows, count,
            static_cast<uint8_t*>(result.mutable_data()));
  return result;
}

py::list gather_rows(const std::vector<py::array>& columns, const py::object& indices) {
  const py::ssize_t count = column_length("indices", indices);
  const auto rows = array_argument<int64_t>("indices", indices, {count});
  py::list results;
  for (const py::array& column : columns) {
    if (column.ndim() == 0 || (column.flags() & py::array::c_style) == 0) {
      throw Error(Fault::kOption, "columns: expected C-contiguous arrays of rows, got " + describe_array(column));
    }
    for (py::ssize_t i = 0; i < count; ++i) {
      if (rows.data()[i] >= 0 && rows.data()[i] < column.shape(0)) continue;
      throw py::index_error("index " + std::to_string(rows.data()[i]) + " is out of range: the dataset has " +
                            std::to_string(column.shape(0)) + " samples");
    }
    results.append(gathered(column, rows.data(), count));
  }
  return results;
}

}  // namespace

void register_batches(py::module_& module) {
  py::class_<PythonBufferPool>(module, "BufferPool", py::is_final())
      .def(py::init([](const py::object& dtype, size_t kept) {
             return std::make_unique<PythonBufferPool>(py::dtype::from_args(dtype), kept);
           }),
           py::arg("dtype"), py::kw_only(), py::arg("kept"))
      .def("take", &PythonBufferPool::take, py::arg("shape"))
      .def("close", &PythonBufferPool::close)
      .def_property_readonly("free", &PythonBufferPool::free);
  module.def("gather_rows", &gather_rows, py::arg("columns"), py::arg("indices"));
}

}  // namespace penstock

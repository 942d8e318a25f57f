#include "binding/views.h"

#include <cstring>
#include <string>

#include "binding/arguments.h"
#include "engine/error.h"

namespace py = pybind11;

namespace penstock {
namespace {

bool is_several(const py::object& object) {
  return py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object);
}

char format_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kUint8:
      return 'B';
    case Dtype::kFloat32:
      return 'f';
    case Dtype::kFloat16:
      return 'e';
  }
  return '?';
}

const char* dtype_name(Dtype dtype) {
  return dtype == Dtype::kUint8 ? "uint8" : dtype == Dtype::kFloat32 ? "float32" : "float16";
}

bool matches(const Py_buffer& view, const std::vector<py::ssize_t>& shape, char format) {
  return view.ndim == static_cast<int>(shape.size()) && view.format != nullptr && view.format[0] == format &&
         view.format[1] == '\0' && std::memcmp(view.shape, shape.data(), shape.size() * sizeof(py::ssize_t)) == 0;
}

}  // namespace

std::vector<Program> programs_argument(const py::object& object) {
  const py::list given = is_several(object) ? py::list(object) : py::list(py::make_tuple(object));
  std::vector<Program> programs;
  for (const py::handle program : given) {
    if (!py::isinstance<Program>(program)) {
      throw py::type_error("program: expected a Program or a list of them, got " + describe_array(program));
    }
    programs.push_back(program.cast<const Program&>());
  }
  return programs;
}

OutputView::OutputView(py::handle object, const Program& program, MemoryFormat format, size_t rows) {
  const Size size = program.output_size().value_or(Size{});
  const auto count = static_cast<py::ssize_t>(rows);
  const bool channels_last = format == MemoryFormat::kChannelsLast;
  std::vector<py::ssize_t> shape = channels_last ? std::vector<py::ssize_t>{count, size.height, size.width, 3}
                                                 : std::vector<py::ssize_t>{count, 3, size.height, size.width};
  if (program.crops() > 1) shape.insert(shape.begin() + 1, program.crops());
  const std::string expected = "out: expected a writable, C-contiguous buffer, " +
                               std::string(dtype_name(program.dtype())) + " of shape " + describe_shape(shape);
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT) != 0) {
    const py::error_already_set refusal;
    throw Error(Fault::kOption, expected + ", got " + describe_array(object) + " (" + refusal.what() + ")");
  }
  if (!matches(view_, shape, format_of(program.dtype()))) {
    PyBuffer_Release(&view_);
    throw Error(Fault::kOption, expected + ", got " + describe_array(object));
  }
}

std::vector<std::unique_ptr<OutputView>> output_views(const py::object& out, const Engine& engine, size_t rows) {
  const py::list buffers = is_several(out) ? py::list(out) : py::list(py::make_tuple(out));
  if (buffers.size() != engine.views().size()) {
    throw Error(Fault::kOption, "out: expected a buffer for each of the " + std::to_string(engine.views().size()) +
                                    " views, got " + std::to_string(buffers.size()));
  }
  std::vector<std::unique_ptr<OutputView>> outputs;
  for (size_t view = 0; view < buffers.size(); ++view) {
    outputs.push_back(std::make_unique<OutputView>(buffers[view], engine.views()[view].program, engine.format(), rows));
  }
  return outputs;
}

}  // namespace penstock

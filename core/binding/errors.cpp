#include "binding/errors.h"

#include <exception>

#include "binding/register.h"

namespace py = pybind11;

namespace penstock {
namespace {

const char* class_name(Fault fault) {
  switch (fault) {
    case Fault::kMissingFile:
      return "MissingFileError";
    case Fault::kIo:
      return "RecordError";
    case Fault::kTruncated:
      return "TruncatedError";
    case Fault::kChecksum:
      return "ChecksumError";
    case Fault::kDecode:
      return "DecodeError";
    case Fault::kDataset:
      return "DatasetError";
    case Fault::kSpec:
      return "SpecError";
    case Fault::kOption:
      return "OptionError";
    case Fault::kClosed:
      return "EngineClosedError";
  }
  return "PenstockError";
}

void translate(std::exception_ptr pending) {
  if (!pending) return;
  try {
    std::rethrow_exception(pending);
  } catch (const Error& error) {
    try {
      const py::object exception = to_python(error);
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    } catch (py::error_already_set& failure) {
      failure.restore();
    }
  }
}

}  // namespace

py::object to_python(const Error& error) {
  // Imported when the first error comes: penstock.errors need not be importable for the core to load.
  return py::module_::import("penstock.errors").attr(class_name(error.fault()))(error.what());
}

void register_errors(py::module_&) { py::register_local_exception_translator(&translate); }

}  // namespace penstock

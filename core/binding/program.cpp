// Program: a compiled augmentation pipeline.
#include "engine/program.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "binding/apply.h"
#include "binding/arguments.h"
#include "binding/register.h"
#include "engine/erasing/ops.h"
#include "engine/error.h"
#include "engine/mixing/ops.h"
#include "engine/policy/ops.h"
#include "engine/row_check.h"
#include "engine/step_ops.h"

namespace py = pybind11;

namespace penstock {
namespace {

size_t argument_count(OpKind kind) {
  switch (kind) {
    case OpKind::kRandomResizedCrop:
    case OpKind::kNormalize:
      return 6;
    case OpKind::kFiveCrop:
    case OpKind::kTenCrop:
      return 3;
    case OpKind::kResize:
    case OpKind::kResizeShort:
    case OpKind::kCenterCrop:
    case OpKind::kToDtype:
    case OpKind::kApply:
    case OpKind::kBranch:
      return 2;
    case OpKind::kLambda:
      return 0;
    case OpKind::kRandomCrop:
      return 11;
    case OpKind::kPad:
      return 8;
    case OpKind::kChoice:
    case OpKind::kRandomHorizontalFlip:
    case OpKind::kRandomVerticalFlip:
      return 1;
    case OpKind::kRandomErasing:
    case OpKind::kCutout:
      return erasing_argument_count(kind);
    case OpKind::kMixUp:
    case OpKind::kCutMix:
      return kMixingArguments;
    default:
      return step_argument_count(kind);
  }
}

// The filter, which comes last, may be left out.
bool may_be_short(OpKind kind) {
  return kind == OpKind::kRandomResizedCrop || kind == OpKind::kResize || kind == OpKind::kResizeShort;
}

Program make_program(const std::vector<std::pair<std::string, std::vector<double>>>& declared, size_t position) {
  std::vector<Op> ops;
  for (const auto& [name, arguments] : declared) {
    Op op{op_kind(name), {}};
    const size_t expected = argument_count(op.kind);
    const bool has_filter = may_be_short(op.kind) && arguments.size() == expected + 1;
    if (arguments.size() != expected && !has_filter) {
      throw Error(Fault::kSpec, name + ": expected " + std::to_string(expected) + " arguments, got " +
                                    std::to_string(arguments.size()));
    }
    std::copy(arguments.begin(), arguments.end(), op.args.begin());
    ops.push_back(op);
  }
  return Program(std::move(ops), position);
}

const char* dtype_name(const Program& program) {
  switch (program.dtype()) {
    case Dtype::kUint8:
      return "uint8";
    case Dtype::kFloat32:
      return "float32";
    case Dtype::kFloat16:
      return "float16";
  }
  return "?";
}

py::object output_size(const Program& program) {
  const std::optional<Size> size = program.output_size();
  if (!size) return py::none();
  return py::make_tuple(size->height, size->width);
}

py::array_t<double> draw(const Program& program, const py::int_& seed, const py::int_& epoch, const py::object& indices,
                         const py::object& draws, const py::object& sizes, const py::int_& view) {
  const py::ssize_t count = column_length("indices", indices);
  const auto index_column = array_argument<int64_t>("indices", indices, {count});
  const auto draw_column = array_argument<int64_t>("draws", draws, {count});
  const auto size_table = array_argument<int32_t>("sizes", sizes, {count, 2});
  SampleKey key;
  key.seed = seed_argument(seed);
  key.epoch = epoch_argument(epoch);
  key.view = view_argument(view);
  const auto columns = static_cast<py::ssize_t>(program.columns().size());
  py::array_t<double> table({count, columns});
  double* const rows = table.mutable_data();
  const int64_t* const index = index_column.data();
  const int64_t* const visit = draw_column.data();
  const int32_t* const size = size_table.data();
  const py::gil_scoped_release unlocked;
  for (py::ssize_t row = 0; row < count; ++row) {
    key.index = index[row];
    key.draw = visit[row];
    program.draw(key, {size[2 * row], size[2 * row + 1]}, rows + row * columns);
  }
  return table;
}

void check(const Program& program, const py::object& params, const py::object& sizes) {
  const bool has_rows = py::isinstance<py::array>(params) && py::reinterpret_borrow<py::array>(params).ndim() > 0;
  const auto count = static_cast<py::ssize_t>(has_rows ? py::len(params) : 0);
  const auto columns = static_cast<py::ssize_t>(program.columns().size());
  const auto table = array_argument<double>("params", params, {count, columns});
  const auto size_table = array_argument<int32_t>("sizes", sizes, {count, 2});
  const double* const rows = table.data();
  const int32_t* const size = size_table.data();
  const py::gil_scoped_release unlocked;
  for (py::ssize_t row = 0; row < count; ++row) {
    check_row(program, rows + row * columns, {size[2 * row], size[2 * row + 1]});
  }
}

}  // namespace

void register_program(py::module_& module) {
  py::class_<Program>(module, "Program", py::is_final())
      .def(py::init(&make_program), py::arg("ops"), py::arg("position") = 0)
      .def_property_readonly("position", &Program::position)
      .def_property_readonly("columns", &Program::columns)
      .def_property_readonly("output_size", &output_size)
      .def_property_readonly("crops", &Program::crops)
      .def_property_readonly("dtype", &dtype_name)
      .def("apply", &apply, py::arg("image"), py::arg("params"))
      .def("draw", &draw, py::arg("seed"), py::arg("epoch"), py::arg("indices"), py::arg("draws"), py::arg("sizes"),
           py::arg("view") = 0)
      .def("check", &check, py::arg("params"), py::arg("sizes"));
  module.def("policy_ops", &policy_op_names);
}

}  // namespace penstock

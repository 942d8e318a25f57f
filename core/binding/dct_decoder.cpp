// decode_dct and probe_dct.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>

#include "binding/bytes_view.h"
#include "binding/pixels.h"
#include "binding/register.h"
#include "engine/dct/record.h"
#include "engine/dct/source.h"

namespace py = pybind11;

namespace penstock {
namespace {

std::tuple<int, int, std::string> probe_dct(const py::object& record) {
  const BytesView view(record);
  const py::gil_scoped_release unlocked;
  DctHead head;
  head.parse(view.bytes(), view.bytes().size);
  const Size size = head.frame().size;
  return {size.width, size.height, sampling_name(head.frame())};
}

py::array_t<uint8_t> decode_dct(const py::object& record, const std::optional<Region>& region, bool check) {
  const BytesView view(record);
  RecordInMemory bytes(view.bytes());
  DctSource source;
  Planes planes;
  {
    const py::gil_scoped_release unlocked;
    const Size size = source.open(bytes, static_cast<int64_t>(view.bytes().size), check);
    planes = source.read(rect_of(region, size));
  }
  return interleaved(planes);
}

}  // namespace

void register_dct_decoder(py::module_& module) {
  module.def("probe_dct", &probe_dct, py::arg("record"));
  module.def("decode_dct", &decode_dct, py::arg("record"), py::arg("region") = py::none(), py::arg("check") = true);
}

}  // namespace penstock

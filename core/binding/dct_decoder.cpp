// decode_dct and probe_dct.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "binding/bytes_view.h"
#include "binding/pixels.h"
#include "binding/register.h"
#include "engine/dct/decoder.h"
#include "engine/dct/record.h"

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
  DctDecoder decoder;
  Planes planes;
  std::vector<uint8_t> rows;
  {
    const py::gil_scoped_release unlocked;
    DctHead head;
    head.parse(view.bytes(), view.bytes().size);
    const Rect rect = rect_of(region, head.frame().size);
    const RowRange range = rows_for(head.frame(), rect);
    const size_t from = head.row_offset(range.first), to = head.row_offset(range.last);
    rows.resize(to - from + kReadAhead);  // a copy, because nothing is known about what lies behind the record
    std::memcpy(rows.data(), view.bytes().data + from, to - from);
    planes = decoder.decode(head, {rows.data(), to - from}, rect, check);
  }
  return interleaved(planes);
}

}  // namespace

void register_dct_decoder(py::module_& module) {
  module.def("probe_dct", &probe_dct, py::arg("record"));
  module.def("decode_dct", &decode_dct, py::arg("record"), py::arg("region") = py::none(), py::arg("check") = true);
}

}  // namespace penstock

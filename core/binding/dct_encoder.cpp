// encode_dct, rebuild_jpeg.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <vector>

#include "binding/bytes_view.h"
#include "binding/register.h"
#include "engine/dct/encoder.h"

namespace py = pybind11;

namespace penstock {
namespace {

py::bytes to_bytes(const std::vector<uint8_t>& data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

std::tuple<py::bytes, std::string> encode(const py::object& data) {
  const BytesView view(data);
  EncodedDct encoded;
  {
    const py::gil_scoped_release unlocked;
    encoded = encode_dct(view.bytes());
  }
  return {to_bytes(encoded.record), encoded.reason};
}

py::bytes rebuild(const py::object& record) {
  const BytesView view(record);
  std::vector<uint8_t> jpeg;
  {
    const py::gil_scoped_release unlocked;
    jpeg = rebuild_jpeg(view.bytes());
  }
  return to_bytes(jpeg);
}

}  // namespace

void register_dct_encoder(py::module_& module) {
  module.def("encode_dct", &encode, py::arg("data"));
  module.def("rebuild_jpeg", &rebuild, py::arg("record"));
}

}  // namespace penstock

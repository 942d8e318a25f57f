// probe_image, check_jpeg, decode_jpeg and the choice of instruction set.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>

#include "binding/bytes_view.h"
#include "binding/pixels.h"
#include "binding/register.h"
#include "engine/error.h"
#include "engine/jpeg/jpeg.h"
#include "engine/jpeg/jpeg_header.h"
#include "engine/simd.h"

namespace py = pybind11;

namespace penstock {
namespace {

Size open_or_refuse(JpegDecoder& decoder, Bytes data) {
  const std::optional<Size> size = decoder.open(data);
  if (!size) refuse_other_kind();
  return *size;
}

std::tuple<std::string, int, int> probe_image(const py::object& data) {
  const BytesView view(data);
  const py::gil_scoped_release unlocked;
  JpegDecoder decoder;
  const std::optional<Size> size = decoder.open(view.bytes());
  if (!size) return {"other", 0, 0};
  return {"jpeg", size->width, size->height};
}

std::tuple<int, int, std::string> check_jpeg(const py::object& data) {
  const BytesView view(data);
  const py::gil_scoped_release unlocked;
  JpegDecoder decoder;
  const Size size = open_or_refuse(decoder, view.bytes());
  const std::string sampling = decoder.sampling();
  decoder.check();
  return {size.width, size.height, sampling};
}

py::array_t<uint8_t> decode_jpeg(const py::object& data, const std::optional<Region>& region) {
  const BytesView view(data);
  JpegDecoder decoder;
  Planes planes;
  {
    const py::gil_scoped_release unlocked;
    const Size size = open_or_refuse(decoder, view.bytes());
    planes = decoder.decode(rect_of(region, size));
  }
  return interleaved(planes);
}

}  // namespace

void register_image(py::module_& module) {
  module.def("probe_image", &probe_image, py::arg("data"));
  module.def("check_jpeg", &check_jpeg, py::arg("data"));
  module.def("decode_jpeg", &decode_jpeg, py::arg("data"), py::arg("region") = py::none());
  module.def("simd_levels", &simd_levels);
  module.def("set_simd_level", &set_simd_level, py::arg("level"));
}

}  // namespace penstock

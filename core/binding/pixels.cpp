#include "binding/pixels.h"

#include <string>

#include "engine/error.h"

namespace py = pybind11;

namespace penstock {

Rect rect_of(const std::optional<Region>& region, Size size) {
  if (!region) return {0, 0, size.width, size.height};
  const auto [x, y, width, height] = *region;
  const bool inside =
      x >= 0 && y >= 0 && width >= 1 && height >= 1 && x <= size.width - width && y <= size.height - height;
  if (inside) return {x, y, width, height};
  throw Error(Fault::kOption, "region: expected (x, y, width, height) inside " + std::to_string(size.width) + "x" +
                                  std::to_string(size.height) + " pixels, got (" + std::to_string(x) + ", " +
                                  std::to_string(y) + ", " + std::to_string(width) + ", " + std::to_string(height) +
                                  ")");
}

py::array_t<uint8_t> interleaved(const Planes& planes) {
  py::array_t<uint8_t> image({planes.size.height, planes.size.width, 3});
  uint8_t* out = image.mutable_data();
  const py::gil_scoped_release unlocked;
  for (int y = 0; y < planes.size.height; ++y) {
    for (int x = 0; x < planes.size.width; ++x) {
      for (const uint8_t* plane : planes.data) *out++ = plane[y * planes.stride + x];
    }
  }
  return image;
}

}  // namespace penstock

// How an image is resized.
#pragma once

namespace penstock {

// Pillow's filters. The numbers are those of _core.pyi.
enum class ResizeFilter { kBilinear = 0, kNearest = 1, kBicubic = 2, kBox = 3, kHamming = 4, kLanczos = 5 };

constexpr int kLastResizeFilter = 5;

}  // namespace penstock

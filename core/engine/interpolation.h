// How pixels are made between those that there are.
#pragma once

namespace penstock {

// In the numbering of Pillow's `Image.Resampling`.
enum class Interpolation { kNearest = 0, kBilinear = 2, kBicubic = 3 };

}  // namespace penstock

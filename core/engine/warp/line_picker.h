// Rows of affine warps without interpolation, looked up and taken apart into planes in one go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/geometry.h"
#include "engine/simd.h"
#include "engine/warp/gather.h"

namespace penstock {

// What a row of the result shows, in 16.16 fixed point: pixel i, from `first` to below `last`, shows the image at
// (x + i * step_x, y + i * step_y). The others show what is beyond the image.
struct Line {
  uint32_t x, y;  // wrapping around
  uint32_t step_x, step_y;
  int first, last;
};

// Pixels of three or four bytes, red, green and blue first; rows lie `stride` bytes apart.
struct PixelGrid {
  const uint8_t* data;
  Size size;
  ptrdiff_t stride;
  int pixel_bytes;

  ptrdiff_t bytes() const { return (size.height - 1) * stride + ptrdiff_t{size.width} * pixel_bytes; }
};

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// Whether grids are so small that pick_line_avx512 can take them: by 16-bit products, and with 4 bytes to read.
inline bool picks_lines(const PixelGrid& grid) {
  return grid.stride >= 0 && grid.stride <= INT16_MAX && grid.size.height <= INT16_MAX && grid.bytes() >= 4;
}

// Writes all pixels of a row.
PENSTOCK_AVX512 void pick_line_avx512(const PixelGrid& grid, const Line& line, const std::array<uint8_t, 3>& fill,
                                      const PlanarRow& row);

#endif

}  // namespace penstock

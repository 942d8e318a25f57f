// Bilinear interpolation by vectors of eight pixels; the same as Interpolator's portable arithmetic in every bit.
#pragma once

#include <cstdint>

#include "engine/simd.h"
#include "engine/warp/gather.h"
#include "engine/warp/packed_image.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

namespace penstock {

// Where pixels are seen: in the packed image, the place of the top left one of those around, and the shares of the way
// to the next pixel, to the right and down. Arrays are read in whole vectors.
struct Neighbourhoods {
  const int32_t* places;
  const double* across;
  const double* down;
  int count;
};

PENSTOCK_AVX512 void bilinear_avx512(const PackedImage& packed, const Neighbourhoods& from, const PlanarRow& row);

}  // namespace penstock

#endif

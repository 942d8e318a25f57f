// The plane kernels of the instruction sets that have their own.
#pragma once

#include "engine/dct/kernels.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS

namespace penstock {

const PlaneKernels& plane_kernels_avx2();
const PlaneKernels& plane_kernels_avx512();

}  // namespace penstock

#endif

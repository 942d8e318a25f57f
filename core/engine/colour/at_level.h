// Kernels that the compiler vectorises, compiled once for each instruction-set level from one source.
#pragma once

#include "engine/simd.h"

#if defined(__GNUC__)
#define PENSTOCK_INLINE __attribute__((always_inline))
#else
#define PENSTOCK_INLINE
#endif

namespace penstock {

#ifdef PENSTOCK_HAS_AVX2_KERNELS

template <typename Body>
PENSTOCK_AVX2 void run_avx2(Body body) {
  body();
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

template <typename Body>
PENSTOCK_AVX512 void run_avx512(Body body) {
  body();
}

#endif

// Runs `body` as compiled for `level`. It is a lambda marked PENSTOCK_INLINE, as is all that it calls; it captures by
// value, so that what it writes can't be what it captured. Results are the same at every level: the compiler neither
// reorders sums of floats nor fuses multiplications with them.
template <typename Body>
void at_level(SimdLevel level, Body body) {
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) return run_avx512(body);
  if (level >= SimdLevel::kAvx2) return run_avx2(body);
#endif
  static_cast<void>(level);
  body();
}

}  // namespace penstock

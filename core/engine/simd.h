// Which instruction set the kernels use. Every kernel has a portable twin with bit-identical results.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define PENSTOCK_HAS_AVX2_KERNELS 1
#define PENSTOCK_AVX2 __attribute__((target("avx2,fma,f16c,bmi,bmi2,popcnt")))
#define PENSTOCK_HAS_AVX512_KERNELS 1
#define PENSTOCK_AVX512 \
  __attribute__((       \
      target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni,avx2,fma,f16c,bmi,bmi2,popcnt")))
#endif

#include <string>
#include <vector>

namespace penstock {

// In rising order: a level runs the kernels of those below it where it has none of its own.
//   kAvx2    also BMI1, BMI2, FMA, F16C, POPCNT and SSE4.2
//   kAvx512  F, BW, DQ, VL, VBMI, VBMI2 and VNNI (Intel from Ice Lake, AMD from Zen 4)
enum class SimdLevel { kPortable, kAvx2, kAvx512 };

// The level in use: the best that this machine runs, unless set_simd_level chose another. Thread-safe.
SimdLevel simd_level();

// Names of the levels that this machine runs, best last: "portable", "avx2", "avx512".
std::vector<std::string> simd_levels();

// Throws Error(kOption) for a level that is unknown or that this machine has not.
void set_simd_level(const std::string& name);

}  // namespace penstock

// Which instruction set the kernels use. Every kernel has a portable twin with bit-identical results.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define PENSTOCK_HAS_AVX2_KERNELS 1
#define PENSTOCK_AVX2 __attribute__((target("avx2")))
#endif

#include <string>
#include <vector>

namespace penstock {

enum class SimdLevel { kPortable, kAvx2 };

// The level in use: the best that this machine runs, unless set_simd_level chose another. Thread-safe.
SimdLevel simd_level();

// Names of the levels that this machine runs, best last: "portable", "avx2".
std::vector<std::string> simd_levels();

// Throws Error(kOption) for a level that is unknown or that this machine has not.
void set_simd_level(const std::string& name);

}  // namespace penstock

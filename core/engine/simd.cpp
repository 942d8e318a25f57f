#include "engine/simd.h"

#include <atomic>

#include "engine/error.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include <cpuid.h>
#endif

namespace penstock {
namespace {

constexpr const char* kNames[] = {"portable", "avx2", "avx512"};  // by SimdLevel

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// Clang before 15 and GCC before 11 have no name for it. That the system keeps its registers is AVX2's to say.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("sse4.2") &&
         has_f16c();
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
         __builtin_cpu_supports("avx512vnni");
}

#endif

SimdLevel best_level() {
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (has_avx512()) return SimdLevel::kAvx512;
  if (has_avx2()) return SimdLevel::kAvx2;
#endif
  return SimdLevel::kPortable;
}

std::atomic<SimdLevel>& current_level() {
  static std::atomic<SimdLevel> level{best_level()};
  return level;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

SimdLevel simd_level() { return current_level().load(std::memory_order_relaxed); }

std::vector<std::string> simd_levels() { return {kNames, kNames + static_cast<size_t>(best_level()) + 1}; }

void set_simd_level(const std::string& name) {
  const std::vector<std::string> names = simd_levels();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) {
      current_level().store(static_cast<SimdLevel>(i), std::memory_order_relaxed);
      return;
    }
  }
  throw Error(Fault::kOption,
              "level: expected one that this machine runs (" + joined(names) + "), got \"" + name + "\"");
}

}  // namespace penstock

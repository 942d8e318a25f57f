#include "engine/simd.h"

#include <atomic>

#include "engine/error.h"

namespace penstock {
namespace {

SimdLevel best_level() {
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (__builtin_cpu_supports("avx2")) return SimdLevel::kAvx2;
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

std::vector<std::string> simd_levels() {
  if (best_level() == SimdLevel::kAvx2) return {"portable", "avx2"};
  return {"portable"};
}

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

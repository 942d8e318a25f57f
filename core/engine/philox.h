// Philox4x32-10: a counter-based random number generator (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
// easy as 1, 2, 3", SC 2011). How Penstock keys it: docs/design/2026-11-21-interfaces.md, "Random numbers".
#pragma once

#include <array>
#include <cstdint>

namespace penstock {

using PhiloxKey = std::array<uint32_t, 2>;
using PhiloxBlock = std::array<uint32_t, 4>;

// What a stream of numbers is for; streams of different purposes share nothing.
enum class Purpose : uint32_t { kAugmentation = 0, kOrder = 1 };

inline uint32_t low_word(uint64_t value) { return static_cast<uint32_t>(value); }
inline uint32_t high_word(uint64_t value) { return static_cast<uint32_t>(value >> 32); }

PhiloxBlock philox(PhiloxKey key, PhiloxBlock counter);

// A double in [0, 1) with 53 random bits: the first (half 0) or second (half 1) of a block.
inline double unit_double(const PhiloxBlock& block, int half) {
  const uint64_t bits = block[2 * half] | static_cast<uint64_t>(block[2 * half + 1]) << 32;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace penstock

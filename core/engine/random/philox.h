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

inline PhiloxBlock philox(PhiloxKey key, PhiloxBlock counter) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t even = uint64_t{0xD2511F53} * counter[0];
    const uint64_t odd = uint64_t{0xCD9E8D57} * counter[2];
    counter = {high_word(odd) ^ counter[1] ^ key[0], low_word(odd), high_word(even) ^ counter[3] ^ key[1],
               low_word(even)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// A double in [0, 1) with 53 random bits: the first (half 0) or second (half 1) of a block.
inline double unit_double(const PhiloxBlock& block, int half) {
  const uint64_t bits = block[2 * half] | static_cast<uint64_t>(block[2 * half + 1]) << 32;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace penstock

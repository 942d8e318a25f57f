// The shuffled order of an epoch, as a function: position -> index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/random/philox.h"

namespace penstock {

// Fisher-Yates, drawn up at once, below 65,536; from there on a Feistel network with cycle walking (Black and Rogaway,
// "Ciphers with arbitrary finite domains", CT-RSA 2002), which needs no memory. Immutable, thread-safe.
class Permutation {
 public:
  // Throws Error(kOption) for a negative size.
  Permutation(int64_t size, uint64_t seed, uint32_t epoch);

  int64_t size() const { return size_; }
  // Writes the indices at positions start <= p < stop. Needs 0 <= start <= stop <= size.
  void take(int64_t start, int64_t stop, int64_t* indices) const;

 private:
  void shuffle();
  void walk(int64_t start, int64_t count, int64_t* indices) const;
  void encrypt(uint64_t* values, size_t count) const;
  PhiloxBlock block(uint32_t first, uint32_t second) const {
    return philox(key_, {first, second, tweak_[0], tweak_[1]});
  }

  int64_t size_;
  PhiloxKey key_;
  std::array<uint32_t, 2> tweak_;
  int half_bits_ = 0;            // of the Feistel network
  std::vector<uint16_t> table_;  // of Fisher-Yates
};

}  // namespace penstock

#include "engine/random/permutation.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "engine/error.h"

namespace penstock {
namespace {

constexpr int64_t kFeistelFrom = 65536;
constexpr uint32_t kFeistelRounds = 10;
constexpr int64_t kTogether = 64;

}  // namespace

Permutation::Permutation(int64_t size, uint64_t seed, uint32_t epoch) : size_(size) {
  if (size < 0) throw Error(Fault::kOption, "size: expected 0 or more samples, got " + std::to_string(size));
  const PhiloxBlock derived =
      philox({low_word(seed), high_word(seed)}, {0, 0, epoch, static_cast<uint32_t>(Purpose::kOrder)});
  key_ = {derived[0], derived[1]};
  tweak_ = {derived[2], derived[3]};
  if (size < kFeistelFrom) {
    shuffle();
  } else {
    while (half_bits_ < 32 && static_cast<uint64_t>(size - 1) >> (2 * half_bits_) != 0) ++half_bits_;
  }
}

void Permutation::shuffle() {
  table_.resize(static_cast<size_t>(size_));
  std::iota(table_.begin(), table_.end(), uint16_t{0});
  for (int64_t i = size_ - 1; i > 0; --i) {
    const double u = unit_double(block(static_cast<uint32_t>(i >> 1), 0), static_cast<int>(i & 1));
    std::swap(table_[static_cast<size_t>(i)], table_[static_cast<size_t>(u * static_cast<double>(i + 1))]);
  }
}

void Permutation::encrypt(uint64_t* values, size_t count) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  for (uint32_t round = 0; round < kFeistelRounds; ++round) {
    // All values, round by round: each round waits for the one before it, but not for other values.
    for (size_t i = 0; i < count; ++i) {
      const uint64_t left = values[i] >> half_bits_;
      const uint64_t right = values[i] & mask;
      values[i] = right << half_bits_ | (left ^ (block(static_cast<uint32_t>(right), round)[0] & mask));
    }
  }
}

void Permutation::take(int64_t start, int64_t stop, int64_t* indices) const {
  if (!table_.empty()) {
    std::copy(table_.begin() + start, table_.begin() + stop, indices);
    return;
  }
  while (start < stop) {
    const int64_t count = std::min(stop - start, kTogether);
    walk(start, count, indices);
    start += count;
    indices += count;
  }
}

// The network permutes [0, 4^half_bits); following its cycle until it is back in [0, size) permutes [0, size).
void Permutation::walk(int64_t start, int64_t count, int64_t* indices) const {
  uint64_t values[kTogether];
  int64_t* places[kTogether];
  size_t outside = static_cast<size_t>(count);
  for (size_t i = 0; i < outside; ++i) {
    values[i] = static_cast<uint64_t>(start) + i;
    places[i] = indices + i;
  }
  while (outside > 0) {
    encrypt(values, outside);
    size_t still_outside = 0;
    for (size_t i = 0; i < outside; ++i) {
      if (values[i] < static_cast<uint64_t>(size_)) {
        *places[i] = static_cast<int64_t>(values[i]);
      } else {
        values[still_outside] = values[i];
        places[still_outside++] = places[i];
      }
    }
    outside = still_outside;
  }
}

}  // namespace penstock

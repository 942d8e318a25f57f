#include "engine/permutation.h"

#include <numeric>
#include <string>
#include <utility>

#include "engine/error.h"

namespace penstock {
namespace {

constexpr int64_t kFeistelFrom = 65536;
constexpr uint32_t kFeistelRounds = 10;

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

uint64_t Permutation::encrypt(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (uint32_t round = 0; round < kFeistelRounds; ++round) {
    const uint64_t mixed = left ^ (block(static_cast<uint32_t>(right), round)[0] & mask);
    left = right;
    right = mixed;
  }
  return left << half_bits_ | right;
}

int64_t Permutation::operator[](int64_t position) const {
  if (!table_.empty()) return table_[static_cast<size_t>(position)];
  // The network permutes [0, 4^half_bits); following its cycle until it is back in [0, size) permutes [0, size).
  uint64_t value = encrypt(static_cast<uint64_t>(position));
  while (value >= static_cast<uint64_t>(size_)) value = encrypt(value);
  return static_cast<int64_t>(value);
}

}  // namespace penstock

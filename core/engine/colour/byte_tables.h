// Ops that give every value of a channel another one, whatever its place: tables, which compose.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/simd.h"

namespace penstock {

using ByteTable = std::array<uint8_t, 256>;

// `entry(v)` for every v.
template <typename Entry>
ByteTable make_table(Entry entry) {
  ByteTable table;
  for (int value = 0; value < 256; ++value) table[value] = static_cast<uint8_t>(entry(value));
  return table;
}

inline ByteTable identity_table() {
  return make_table([](int value) { return value; });
}

// One table for each channel.
class ChannelTables {
 public:
  ChannelTables() { clear(); }

  void clear();
  bool changes_anything() const { return changes_; }
  const ByteTable& operator[](int channel) const { return tables_[channel]; }

  // What is there, then `next`.
  void follow(int channel, const ByteTable& next);
  void follow(const ByteTable& next);

 private:
  std::array<ByteTable, 3> tables_;
  bool changes_ = false;
};

// Every value v of `count` becomes table[v].
void look_up(SimdLevel level, const ByteTable& table, uint8_t* values, size_t count);

}  // namespace penstock

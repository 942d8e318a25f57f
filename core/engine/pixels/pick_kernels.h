// The inner loop of resizes to the nearest pixel: bytes of a row, picked by a table. All levels give the same.
#pragma once

#include <cstdint>

#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {

// Which bytes are picked, as kernels want it. Neighbouring outputs come in groups, each of which is taken from one
// piece of the row.
struct PickTable {
  int count;
  const int32_t* places;   // by output
  int lanes;               // outputs in a group; 0 where they are too far apart, then nothing below says anything
  const int32_t* bases;    // by group: where its piece begins
  const int32_t* spans;    // by group: how far behind that its last byte lies
  const uint8_t* offsets;  // by output: where it lies in the piece
};

// Makes and keeps such a table.
class PickGroups {
 public:
  // For outputs that are the bytes at these places, which rise or fall; they are to outlive the table.
  void build(SimdLevel level, const int32_t* places, int count);

  const PickTable& table() const { return table_; }

 private:
  bool group(int lanes, int piece);

  PickTable table_{};
  Scratch<int32_t> bases_;
  Scratch<int32_t> spans_;
  Scratch<uint8_t> offsets_;
};

// out[i] = row[places[i]], with a table built for this level. Up to kReadAhead bytes behind the last place may be read.
void pick(SimdLevel level, const uint8_t* row, const PickTable& table, uint8_t* out);

}  // namespace penstock

// What makes the rows of one plane from another.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

// Once it has been prepared (each kind in its own way, which says what part of a plane is needed), any number of planes
// may be put through it. Not thread-safe.
class PlaneFilter {
 public:
  virtual ~PlaneFilter() = default;

  // `part` is the first byte of the part that is needed, whose rows lie `stride` bytes apart; kReadAhead bytes after
  // its last pixel must be readable.
  virtual void begin(const uint8_t* part, ptrdiff_t stride) = 0;

  // Writes the next row of the result, from the top.
  virtual void next_row(uint8_t* out) = 0;
};

}  // namespace penstock

// A dct record decoded with every promise of its decoder checked.
#pragma once

#include <optional>
#include <vector>

#include "engine/dct/decoder.h"
#include "engine/dct/record.h"
#include "engine/error.h"
#include "engine/geometry.h"

namespace penstock::fuzzing {

// Pixels, plane by plane, or the fault that came in their place.
struct Outcome {
  std::optional<Fault> fault;
  std::vector<uint8_t> pixels;
};
bool operator==(const Outcome& a, const Outcome& b);

// The part of three planes inside `region`, plane by plane.
std::vector<uint8_t> cut(const Planes& planes, Rect region);

// A record whose head has been read, as a reader would do it. `bytes` must outlive it.
class DctRecord {
 public:
  // Throws Error for a bad head.
  explicit DctRecord(Bytes bytes);

  Size size() const { return head_.frame().size; }

  // In new memory, and in used memory at every instruction-set level with other bytes behind the rows: all give the
  // same.
  // `one_verdict`: all of them fail, or none.
  Outcome decode(Rect region, bool one_verdict) const;

 private:
  Outcome decode_once(DctDecoder& decoder, Rect region, uint8_t fill) const;

  Bytes bytes_;
  DctHead head_;
};

}  // namespace penstock::fuzzing

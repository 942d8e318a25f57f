// Which parts of an image are decoded, where several results need a part each.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/geometry.h"

namespace penstock {

// A part that is decoded at once, for all results in `members`.
struct ReadPart {
  Rect rect;
  std::vector<size_t> members;
};

// Keeps its memory between samples.
class ReadingPlan {
 public:
  // Forgets what was added. With `at_once`, all is one part.
  void begin(bool at_once);

  // Result number 0, 1 ... needs `rect`.
  void add(const Rect& rect);

  // Joins parts that cost less together than apart: decoding takes time for the pixels, and for the rows of blocks that
  // are read and checked from end to end.
  void join(int image_width);

  // In the order of the first result of each.
  size_t count() const { return count_; }
  const ReadPart& part(size_t number) const { return parts_[number]; }

 private:
  void join_parts(size_t kept, size_t dropped);

  bool at_once_ = false;
  size_t added_ = 0;
  size_t count_ = 0;
  std::vector<ReadPart> parts_;  // the first count_
};

}  // namespace penstock

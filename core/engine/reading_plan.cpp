#include "engine/reading_plan.h"

#include <algorithm>
#include <cstdint>

namespace penstock {
namespace {

// The smallest rectangle with both in it.
Rect around(const Rect& a, const Rect& b) {
  const int left = std::min(a.x, b.x), top = std::min(a.y, b.y);
  const int right = std::max(a.x + a.width, b.x + b.width), bottom = std::max(a.y + a.height, b.y + b.height);
  return {left, top, right - left, bottom - top};
}

// In pixels: reading and checking a row from end to end takes as long as decoding a quarter of it.
int64_t cost(const Rect& rect, int image_width) {
  return int64_t{rect.height} * (4 * int64_t{rect.width} + image_width);
}

}  // namespace

void ReadingPlan::begin(bool at_once) {
  at_once_ = at_once;
  added_ = 0;
  count_ = 0;
}

void ReadingPlan::add(const Rect& rect) {
  if (count_ == parts_.size()) parts_.emplace_back();
  ReadPart& part = parts_[count_];
  part.rect = rect;
  part.members.assign(1, added_++);
  ++count_;
  if (at_once_ && count_ == 2) join_parts(0, 1);
}

void ReadingPlan::join(int image_width) {
  for (size_t kept = 0; kept < count_; ++kept) {
    for (size_t other = kept + 1; other < count_;) {
      const Rect& a = parts_[kept].rect;
      const Rect& b = parts_[other].rect;
      if (cost(around(a, b), image_width) > cost(a, image_width) + cost(b, image_width)) {
        ++other;
        continue;
      }
      join_parts(kept, other);
      other = kept + 1;  // the larger part may now be worth joining with those that were passed over
    }
  }
}

void ReadingPlan::join_parts(size_t kept, size_t dropped) {
  ReadPart& part = parts_[kept];
  part.rect = around(part.rect, parts_[dropped].rect);
  part.members.insert(part.members.end(), parts_[dropped].members.begin(), parts_[dropped].members.end());
  // Their memory goes to the end, to be used again.
  std::rotate(parts_.begin() + static_cast<ptrdiff_t>(dropped), parts_.begin() + static_cast<ptrdiff_t>(dropped) + 1,
              parts_.begin() + static_cast<ptrdiff_t>(count_));
  --count_;
}

}  // namespace penstock

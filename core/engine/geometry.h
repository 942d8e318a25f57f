// Sizes, rectangles and byte ranges: the small values that every part passes around.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock {

struct Size {
  int height = 0;
  int width = 0;
};

inline bool operator==(Size a, Size b) { return a.height == b.height && a.width == b.width; }
inline bool operator!=(Size a, Size b) { return !(a == b); }

// In pixels; (x, y) is the top left corner.
struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

inline bool operator==(const Rect& a, const Rect& b) {
  return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}
inline bool operator!=(const Rect& a, const Rect& b) { return !(a == b); }

// What both cover; {0, 0, 0, 0} where that is nothing.
inline Rect intersection(const Rect& a, const Rect& b) {
  const int left = std::max(a.x, b.x), top = std::max(a.y, b.y);
  const int right = std::min(a.x + a.width, b.x + b.width), bottom = std::min(a.y + a.height, b.y + b.height);
  if (left >= right || top >= bottom) return {};
  return {left, top, right - left, bottom - top};
}

// Bytes owned by somebody else.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

// Interleaved RGB pixels owned by somebody else: row y starts at data + y * stride (bytes).
struct Pixels {
  const uint8_t* data = nullptr;
  Size size;
  ptrdiff_t stride = 0;
};

// Three planes of bytes owned by somebody else, red, green and blue: row y of plane c starts at data[c] + y * stride.
// Planes of a grey image may be one and the same.
struct Planes {
  std::array<const uint8_t*, 3> data = {nullptr, nullptr, nullptr};
  Size size;
  ptrdiff_t stride = 0;
};

}  // namespace penstock

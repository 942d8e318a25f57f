// Sizes, rectangles and byte ranges: the small values that every part passes around.
#pragma once

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

}  // namespace penstock

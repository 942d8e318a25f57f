// The geometry of a program folded into as few resizes as give the same pixels.
#pragma once

#include <vector>

#include "engine/geometry.h"
#include "engine/program.h"

namespace penstock {

// One step from an image to the next: cut `crop`, resize it to `resized`, look at `window` of that, which may reach
// beyond it and is black there, and mirror the window left to right if `flip`.
struct Stage {
  Rect crop;
  Size resized;
  Rect window;
  Rect visible;  // inside the window and the resized image; may be empty
  bool flip = false;

  Size size() const { return {window.height, window.width}; }
  bool resizes() const { return crop.height != resized.height || crop.width != resized.width; }
};

// Writes the stages that `program`, with parameters `row`, amounts to on an image of `size`. There is at least one;
// each takes what the one before it gave. Throws Error(kOption) for a crop in `row` that does not lie inside its image.
void fold(const Program& program, const double* row, Size size, std::vector<Stage>& stages);

}  // namespace penstock

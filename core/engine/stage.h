// A program folded into stages: as few resizes as give the same pixels, with steps that keep the size of the image
// between them.
#pragma once

#include <vector>

#include "engine/geometry.h"
#include "engine/padding.h"
#include "engine/pixels/resize_filter.h"
#include "engine/program.h"
#include "engine/step.h"

namespace penstock {

// One step from an image to the next: cut `crop`, resize it to `resized`, look at `window` of that, which may reach
// beyond it into `padding`, mirror the window, then do the `steps` to it.
struct Stage {
  Rect crop;
  Size resized;
  ResizeFilter filter = ResizeFilter::kBilinear;
  Rect window;
  Rect visible;  // the part of the window that is made from pixels of the image; may be empty
  Padding padding;
  bool flip_horizontal = false;  // left to right
  bool flip_vertical = false;    // top to bottom
  StepRange steps = {};

  Size size() const { return {window.height, window.width}; }
  bool resizes() const { return crop.height != resized.height || crop.width != resized.width; }
  // Whether pixels of the image lie in the padding, so that all of the window is visible.
  bool repeats() const { return padding.mode != PaddingMode::kConstant; }
  // Whether the result is a rectangle of what the stage takes, its rows as they are or in the opposite order.
  bool copies() const { return !resizes() && visible == window && !repeats() && !flip_horizontal; }
};

// The stages, of which there is at least one and each takes what the one before it gave, and the steps that they do to
// their results.
struct Folded {
  std::vector<Stage> stages;
  std::vector<Step> steps;
};

// Some ops of a program.
struct Part {
  size_t first;
  size_t last;   // one past it
  int crop = 0;  // which one, of several that an op among them makes
};

// Writes what a part of `program`, with parameters `row`, amounts to on an image of `size`. Throws Error(kOption) for a
// crop in `row` that does not lie inside its image.
void fold(const Program& program, const double* row, Size size, const Part& part, Folded& folded);

}  // namespace penstock

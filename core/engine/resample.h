// Pillow's antialiased bilinear resize of RGB images, bit for bit.
#pragma once

#include "engine/axis_weights.h"
#include "engine/geometry.h"
#include "engine/scratch.h"

namespace penstock {

// Computes a window of `image.resize((target.width, target.height), BILINEAR)` as Pillow 13 does, from no more of the
// image than the window needs: `prepare` says which part that is, `run` takes it. Reusable, not thread-safe.
class Resampler {
 public:
  // The rectangle of an image of size `source` that the `window` (not empty, inside the target) depends on. `flip`
  // mirrors the window left to right.
  Rect prepare(Size source, Size target, Rect window, bool flip);

  // `part` is the rectangle that `prepare` gave; kReadAhead bytes after its last pixel must be readable. The result has
  // the window's size and belongs to the resampler, valid until its next `run`; the same number of bytes may be read
  // after it.
  Pixels run(Pixels part);

 private:
  Pixels resize_rows(Pixels image, Scratch<uint8_t>& memory);
  Pixels resize_columns(Pixels image, Scratch<uint8_t>& memory);

  AxisWeights horizontal_;
  AxisWeights vertical_;
  bool columns_first_ = false;
  Scratch<const uint8_t*> rows_;
  Scratch<uint8_t> between_;
  Scratch<uint8_t> result_;
};

}  // namespace penstock

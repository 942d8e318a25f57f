// Resizes of planes by any of the filters: the one door to what makes them.
#pragma once

#include "engine/geometry.h"
#include "engine/pixels/exact_resample.h"
#include "engine/pixels/picker.h"
#include "engine/pixels/resample.h"
#include "engine/pixels/resize_filter.h"

namespace penstock {

class Resizer {
 public:
  // What `prepare` would give, or more.
  static Rect reach(ResizeFilter filter, Size source, Size target, Rect window);

  // Prepares `filter()`, and says which rectangle of an image of size `source` the `window` (not empty, inside the
  // target) depends on. `flip` mirrors the window left to right.
  Rect prepare(ResizeFilter filter, Size source, Size target, Rect window, bool flip);

  // What was prepared last.
  PlaneFilter& filter() { return *prepared_; }

 private:
  Resampler bilinear_;
  ExactResampler exact_;
  Picker nearest_;
  PlaneFilter* prepared_ = &bilinear_;
};

}  // namespace penstock

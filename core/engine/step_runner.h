// Does steps to an image, in place.
#pragma once

#include "engine/colour/colours.h"
#include "engine/step.h"
#include "engine/warp/warper.h"

namespace penstock {

// Keeps its scratch memory between images. Not thread-safe.
class StepRunner {
 public:
  // Does the steps from `step` to before `end` to `image`.
  void run(const Step* step, const Step* end, const PlanarImage& image);

  // Does one step to interleaved pixels, if that is a way to do it: whether the result, of their size, was written to
  // `to`.
  bool run_from(const Step& step, const Pixels& from, const PlanarImage& to);

 private:
  Colours colours_;
  Warper warper_;
};

}  // namespace penstock

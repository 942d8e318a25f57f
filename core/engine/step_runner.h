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

 private:
  Colours colours_;
  Warper warper_;
};

}  // namespace penstock

// Changes the colours of images in place.
#pragma once

#include "engine/colour/byte_tables.h"
#include "engine/colour/step.h"

namespace penstock {

// Keeps its scratch memory between images. Not thread-safe.
class Colours {
 public:
  // Does `steps` to `image`, from `step` to before `end`.
  void apply(const ColourStep* step, const ColourStep* end, const ColourImage& image);

 private:
  void apply(const ColourStep& step);
  void look_up_now(const ColourImage& image);

  ChannelTables tables_;  // what is still to be looked up
};

}  // namespace penstock

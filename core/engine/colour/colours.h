// Changes the colours of images in place.
#pragma once

#include "engine/colour/byte_tables.h"
#include "engine/colour/neighbour_kernels.h"
#include "engine/colour/step.h"

namespace penstock {

// Keeps its scratch memory between images. Not thread-safe.
class Colours {
 public:
  // Does the steps from `step` to before `end` to `image`. Tables that follow each other are looked up at once.
  void apply(const ColourStep* step, const ColourStep* end, const ColourImage& image);

 private:
  bool add_table(const ColourStep& step);
  bool add_table_of_image(const ColourStep& step, const ColourImage& image);
  void change_pixels(const ColourStep& step, const ColourImage& image);
  void look_up_now(const ColourImage& image);

  ChannelTables tables_;  // what is still to be looked up
  Sharpness sharpness_;
  GaussianBlur gaussian_blur_;
};

}  // namespace penstock

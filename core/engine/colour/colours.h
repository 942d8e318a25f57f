// Changes the colours of images in place.
#pragma once

#include <array>

#include "engine/colour/byte_tables.h"
#include "engine/colour/neighbour_kernels.h"
#include "engine/colour/value_counter.h"
#include "engine/step.h"

namespace penstock {

// Keeps its scratch memory between images. Not thread-safe.
class Colours {
 public:
  // Does the steps from `step` to before `end` to `image`. Tables that follow each other are looked up at once.
  void apply(const Step* step, const Step* end, const PlanarImage& image);

 private:
  bool add_table(const Step& step);
  bool add_table_of_values(const Step& step, const PlanarImage& image);
  bool add_table_of_image(const Step& step, const PlanarImage& image);
  void change_pixels(const Step& step, const PlanarImage& image);
  void look_up_now(const PlanarImage& image);

  ChannelTables tables_;  // what is still to be looked up
  bool counted_ = false;  // whether there are histograms of what the pixels are now
  std::array<Histogram, 3> histograms_;
  ValueCounter counter_;
  Sharpness sharpness_;
  GaussianBlur gaussian_blur_;
};

}  // namespace penstock

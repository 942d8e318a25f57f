// Warps images, as Pillow's `Image.transform` does (src/libImaging/Geometry.c), in every bit.
#pragma once

#include "engine/geometry.h"
#include "engine/scratch.h"
#include "engine/step.h"
#include "engine/warp/interpolator.h"
#include "engine/warp/line_picker.h"
#include "engine/warp/nearest_places.h"
#include "engine/warp/packed_image.h"

namespace penstock {

// Keeps its scratch memory between images. Not thread-safe.
class Warper {
 public:
  // Does the step `warp`, of kind kAffine or kPerspective, to `image`, in place.
  void apply(const Step& warp, const PlanarImage& image);

  // Does it to interleaved pixels, if that is a way to do it: whether the result, of their size, was written to `to`.
  bool pick_from(const Step& warp, const Pixels& from, const PlanarImage& to);

 private:
  bool pick_lines(SimdLevel level, const Step& warp, const PixelGrid& grid, const PlanarImage& to);
  void pick(const Step& warp, const PlanarImage& image);
  void interpolate(const Step& warp, const PlanarImage& image);

  PackedImage packed_;
  NearestPlaces nearest_;
  Interpolator interpolator_;
  Scratch<int32_t> places_;
};

}  // namespace penstock

#include "engine/pixels/resizer.h"

namespace penstock {

Rect Resizer::reach(ResizeFilter filter, Size source, Size target, Rect window) {
  if (filter == ResizeFilter::kBilinear) return Resampler::reach(source, target, window);
  return {0, 0, source.width, source.height};
}

Rect Resizer::prepare(ResizeFilter filter, Size source, Size target, Rect window, bool flip) {
  switch (filter) {
    case ResizeFilter::kBilinear:
      prepared_ = &bilinear_;
      return bilinear_.prepare(source, target, window, flip);
    case ResizeFilter::kNearest:
      prepared_ = &nearest_;
      return nearest_.prepare(source, target, window, flip);
    default:
      prepared_ = &exact_;
      return exact_.prepare(filter, source, target, window, flip);
  }
}

}  // namespace penstock

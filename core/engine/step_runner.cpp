#include "engine/step_runner.h"

#include <algorithm>

namespace penstock {

void StepRunner::run(const Step* step, const Step* end, const PlanarImage& image) {
  while (step != end) {
    const Step* const warp = std::find_if(step, end, [](const Step& each) { return is_warp(each.kind); });
    colours_.apply(step, warp, image);
    if (warp == end) return;
    warper_.apply(*warp, image);
    step = warp + 1;
  }
}

}  // namespace penstock

#include "engine/step_runner.h"

#include <algorithm>

#include "engine/warp/shift.h"

namespace penstock {

void StepRunner::run(const Step* step, const Step* end, const PlanarImage& image) {
  while (step != end) {
    const Step* const warp = std::find_if(step, end, [](const Step& each) { return is_warp(each.kind); });
    colours_.apply(step, warp, image);
    if (warp == end) return;
    if (const std::optional<Shift> shift = shift_of(*warp, image.size)) {
      apply_shift(*shift, warp->fill, image);
    } else {
      warper_.apply(*warp, image);
    }
    step = warp + 1;
  }
}

bool StepRunner::run_from(const Step& step, const Pixels& from, const PlanarImage& to) {
  return is_warp(step.kind) && !shift_of(step, to.size) && warper_.pick_from(step, from, to);
}

}  // namespace penstock

#include "engine/colour/colours.h"

#include "engine/simd.h"

namespace penstock {

void Colours::apply(const ColourStep* step, const ColourStep* end, const ColourImage& image) {
  tables_.clear();
  for (; step != end; ++step) apply(*step);
  look_up_now(image);
}

void Colours::apply(const ColourStep& step) {
  switch (step.kind) {
    case ColourKind::kInvert:
      tables_.follow(make_table([](int value) { return 255 - value; }));
      break;
  }
}

void Colours::look_up_now(const ColourImage& image) {
  if (!tables_.changes_anything()) return;
  for (int channel = 0; channel < 3; ++channel) {
    look_up(simd_level(), tables_[channel], image.plane(channel), image.plane_pixels());
  }
  tables_.clear();
}

}  // namespace penstock

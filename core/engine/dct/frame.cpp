#include "engine/dct/frame.h"

#include <algorithm>

#include "engine/rounding.h"

namespace penstock {

void DctFrame::complete() {
  max_horizontal = max_vertical = 1;
  for (int c = 0; c < component_count; ++c) {
    max_horizontal = std::max(max_horizontal, components[c].horizontal);
    max_vertical = std::max(max_vertical, components[c].vertical);
  }
  mcu_rows = divided_up(size.height, max_vertical * kBlockSide);
  for (int c = 0; c < component_count; ++c) {
    DctComponent& component = components[c];
    component.samples = {divided_up(size.height * component.vertical, max_vertical),
                         divided_up(size.width * component.horizontal, max_horizontal)};
    component.blocks = {divided_up(component.samples.height, kBlockSide),
                        divided_up(component.samples.width, kBlockSide)};
  }
}

std::string sampling_name(const DctFrame& frame) {
  if (frame.component_count == 1) return "grey";
  struct Name {
    int h, v;
    const char* text;
  };
  static constexpr Name kNames[] = {{1, 1, "4:4:4"}, {2, 1, "4:2:2"}, {2, 2, "4:2:0"},
                                    {1, 2, "4:4:0"}, {4, 1, "4:1:1"}, {4, 2, "4:1:0"}};
  const DctComponent &luma = frame.components[0], &cb = frame.components[1], &cr = frame.components[2];
  if (cb.horizontal == cr.horizontal && cb.vertical == cr.vertical) {
    for (const Name& name : kNames) {
      if (luma.horizontal == name.h * cb.horizontal && luma.vertical == name.v * cb.vertical) return name.text;
    }
  }
  std::string factors;
  for (const DctComponent& component : frame.components) {
    factors +=
        (factors.empty() ? "" : ",") + std::to_string(component.horizontal) + "x" + std::to_string(component.vertical);
  }
  return factors;
}

}  // namespace penstock

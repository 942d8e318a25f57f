// The different quantisation tables of a frame.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "engine/dct/frame.h"

namespace penstock {

using Quantization = std::array<uint16_t, kBlockItems>;  // row by row

// Refers to the frame's tables.
struct TableChoice {
  explicit TableChoice(const DctFrame& frame) {
    for (int c = 0; c < frame.component_count; ++c) {
      const Quantization& table = frame.components[c].quantization;
      const auto same = [&table](const Quantization* other) { return *other == table; };
      const auto found = std::find_if(tables.begin(), tables.end(), same);
      of_component[c] = static_cast<size_t>(found - tables.begin());
      if (found == tables.end()) tables.push_back(&table);
      if (*std::max_element(table.begin(), table.end()) > UINT8_MAX) quantizer_bytes = 2;
    }
  }

  std::vector<const Quantization*> tables;
  std::array<size_t, kMaxComponents> of_component = {};
  size_t quantizer_bytes = 1;
};

}  // namespace penstock

// Blocks of coefficients, and the kernels that take them.
#pragma once

#include <array>
#include <vector>

#include "engine/dct/kernels.h"
#include "engine/simd.h"

namespace penstock::testing {

using Block = std::array<int, kBlockItems>;  // row by row

inline std::vector<const BlockKernels*> all_levels() {
  std::vector<const BlockKernels*> kernels;
  for (size_t level = 0; level < simd_levels().size(); ++level) {
    kernels.push_back(&block_kernels(static_cast<SimdLevel>(level)));
  }
  return kernels;
}

// Where coefficient `position`, row by row, of a lane lies in a group.
inline int place_in_group(const BlockKernels& kernels, int lane, size_t position) {
  const int place = kernels.place[position];
  return (place / 8 * kernels.lanes + lane) * 8 + place % 8;
}

}  // namespace penstock::testing

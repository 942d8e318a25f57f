#include "engine/dct/encoder_range.h"

#include <algorithm>

namespace penstock {

// Coefficient (u, v) changes no sample by more than |value| / 8, times sqrt(2) for each of u and v that is not 0: the
// weights are in 32nds of that, rounded up. They are cut to 16 bits, which is far over the limit already.
std::array<int16_t, kBlockItems> range_weights(const Quantization& quantization) {
  std::array<int16_t, kBlockItems> weights;
  for (size_t i = 0; i < kBlockItems; ++i) {
    const int scale = i == 0 ? 4 : i < kBlockSide || i % kBlockSide == 0 ? 6 : 8;
    weights[i] = static_cast<int16_t>(std::min(quantization[i] * scale, INT16_MAX));
  }
  return weights;
}

}  // namespace penstock

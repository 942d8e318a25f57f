#include "engine/erasing/noise.h"

#include <cmath>
#include <vector>

namespace penstock {
namespace {

constexpr uint32_t kPlaces = 65536;
constexpr uint32_t kQuarterTurn = kPlaces / 4;

struct Tables {
  std::vector<float> radius = std::vector<float>(kPlaces);
  std::vector<float> cosine = std::vector<float>(kPlaces);

  Tables() {
    constexpr double kTurn = 6.283185307179586;
    for (uint32_t place = 0; place < kPlaces; ++place) {
      const double middle = (place + 0.5) / kPlaces;
      radius[place] = static_cast<float>(std::sqrt(-2 * std::log(middle)));
      cosine[place] = static_cast<float>(std::cos(kTurn * middle));
    }
  }
};

// The tables are made when noise is first asked for.
const Tables& tables() {
  static const Tables made;
  return made;
}

}  // namespace

void normal_noise(const PhiloxKey& key, uint32_t first, size_t count, float* out) {
  const float* const radius = tables().radius.data();
  const float* const cosine = tables().cosine.data();
  PhiloxBlock block{};
  for (size_t i = 0; i < count; ++i, out += 3) {
    const uint32_t pixel = first + static_cast<uint32_t>(i);
    // A block serves two pixels, with two words each.
    if (i == 0 || pixel % 2 == 0) block = philox(key, {pixel / 2, 0, 0, 0});
    const uint32_t one = block[pixel % 2 * 2], other = block[pixel % 2 * 2 + 1];
    const uint32_t angle = one >> 16;
    out[0] = radius[one % kPlaces] * cosine[angle];
    out[1] = radius[one % kPlaces] * cosine[(angle + 3 * kQuarterTurn) % kPlaces];  // the sine
    out[2] = radius[other % kPlaces] * cosine[other >> 16];
  }
}

}  // namespace penstock

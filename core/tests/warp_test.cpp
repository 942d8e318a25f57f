#include <algorithm>
#include <cmath>

#include "engine/simd.h"
#include "engine/warp/matrices.h"
#include "engine/warp/warper.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

double real_between(Random& random, double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random);
}

// Few pixels, or many in a row: up to what no 16-bit number holds.
Size random_size(Random& random) {
  const int kind = between(random, 0, 9);
  if (kind == 0) return {between(random, 1, 3), between(random, 8000, 40000)};
  const int limit = kind < 5 ? 6 : 90;
  return {between(random, 1, limit), between(random, 1, limit)};
}

// By any angle, and by right angles, which show the image's corners.
Step random_warp(Random& random, Size size, Interpolation interpolation) {
  AffineParameters parameters;
  parameters.angle = between(random, 0, 2) == 0 ? 90 * between(random, 0, 3) : real_between(random, -180, 180);
  if (between(random, 0, 1) == 0) {
    parameters.scale = std::exp(real_between(random, -4, 4));
    parameters.shear_x = real_between(random, -60, 60);
    parameters.translate_x = real_between(random, -20, 20);
  }
  Step warp{StepKind::kAffine, affine_matrix(parameters, middle_of(size)), interpolation, {}};
  for (uint8_t& level : warp.fill) level = static_cast<uint8_t>(between(random, 0, 255));
  return warp;
}

std::vector<uint8_t> planes_of(const std::vector<uint8_t>& rgb, Size size) {
  const size_t count = static_cast<size_t>(size.height) * size.width;
  std::vector<uint8_t> planes(3 * count);
  for (size_t i = 0; i < 3 * count; ++i) planes[i % 3 * count + i / 3] = rgb[i];
  return planes;
}

TEST(warps_are_the_same_at_every_level_and_from_interleaved_pixels) {
  Random random(11);
  Warper warper;
  for (int round = 0; round < 600; ++round) {
    const Size size = random_size(random);
    constexpr Interpolation kKinds[] = {Interpolation::kNearest, Interpolation::kBilinear, Interpolation::kBicubic};
    const Step warp = random_warp(random, size, kKinds[round % 4 % 3]);
    // Exactly the pixels, so that a sanitizer sees any access behind them.
    std::vector<uint8_t> rgb = noise(random, size);
    rgb.resize(static_cast<size_t>(size.height) * size.width * 3);
    rgb.shrink_to_fit();
    std::vector<uint8_t> first;
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      std::vector<uint8_t> result = planes_of(rgb, size);
      warper.apply(warp, {result.data(), size});
      if (first.empty()) first = result;
      CHECK(result == first);
      std::fill(result.begin(), result.end(), uint8_t{7});
      if (warper.pick_from(warp, {rgb.data(), size, ptrdiff_t{size.width} * 3}, {result.data(), size})) {
        CHECK(result == first);
      }
    }
  }
}

}  // namespace
}  // namespace penstock::testing

#include <cmath>
#include <cstring>

#include "engine/convert.h"
#include "engine/deinterleave.h"
#include "engine/half.h"
#include "engine/resample.h"
#include "engine/simd.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

Size random_size(Random& random) {
  const int limit = between(random, 0, 1) == 0 ? 12 : 150;
  return {between(random, 1, limit), between(random, 1, limit)};
}

Pixels cut(Pixels image, Rect rect) {
  return {image.data + rect.y * image.stride + rect.x * 3, {rect.height, rect.width}, image.stride};
}

std::vector<uint8_t> gather(Pixels image) {
  std::vector<uint8_t> bytes;
  for (int y = 0; y < image.size.height; ++y) {
    const uint8_t* row = image.data + y * image.stride;
    bytes.insert(bytes.end(), row, row + static_cast<size_t>(image.size.width) * 3);
  }
  return bytes;
}

TEST(resampling_is_the_same_at_every_level) {
  Random random(1);
  Resampler resampler;
  for (int round = 0; round < 400; ++round) {
    const Size source = random_size(random), target = random_size(random);
    const Rect window = random_rect(random, target);
    const std::vector<uint8_t> image = noise(random, source);
    const bool flip = round % 2 != 0;
    std::vector<uint8_t> first;
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      const Rect needed = resampler.prepare(source, target, window, flip);
      const std::vector<uint8_t> result = gather(resampler.run(cut(pixels_of(image, source), needed)));
      if (first.empty()) first = result;
      CHECK(result == first);
    }
  }
}

TEST(only_the_needed_part_is_read) {
  Random random(2);
  Resampler resampler;
  for (int round = 0; round < 300; ++round) {
    const Size source = random_size(random), target = random_size(random);
    const Rect window = random_rect(random, target);
    const std::vector<uint8_t> image = noise(random, source);
    const Rect needed = resampler.prepare(source, target, window, false);
    CHECK(intersection(needed, {0, 0, source.width, source.height}) == needed);
    const std::vector<uint8_t> result = gather(resampler.run(cut(pixels_of(image, source), needed)));
    // The part alone, in memory that ends with it.
    std::vector<uint8_t> part = gather(cut(pixels_of(image, source), needed));
    part.resize(part.size() + kReadAhead);
    part.shrink_to_fit();
    resampler.prepare(source, target, window, false);
    CHECK(gather(resampler.run(pixels_of(part, {needed.height, needed.width}))) == result);
  }
}

TEST(weights_of_an_output_add_up_to_one) {
  Random random(3);
  AxisWeights weights;
  for (int round = 0; round < 300; ++round) {
    const int source = between(random, 1, 5000), target = between(random, 1, 600);
    weights.compute(source, target, 0, target, round % 2 != 0);
    CHECK(weights.first_input() >= 0);
    CHECK(weights.first_input() + weights.input_count() <= source);
    for (int output = 0; output < target; ++output) {
      int64_t sum = 0;
      for (int pair = 0; pair < weights.pair_count(output); ++pair) {
        for (int tap = 0; tap < 2; ++tap) {
          const WeightPair& both = weights.pairs(output)[pair];
          CHECK(both.high[tap] >= 0 && both.low[tap] >= 0 && both.low[tap] < 1 << kLowBits);
          sum += (int64_t{both.high[tap]} << kLowBits) + both.low[tap];
        }
      }
      // Each weight is rounded to the nearest.
      CHECK(std::abs(sum - (int64_t{1} << kWeightBits)) <= weights.pair_count(output));
    }
  }
}

TEST(deinterleaving_keeps_to_its_row) {
  Random random(4);
  for (int width = 1; width <= 100; ++width) {
    std::vector<uint8_t> rgb(static_cast<size_t>(width) * 3);
    for (uint8_t& byte : rgb) byte = static_cast<uint8_t>(random());
    for (const SimdLevel level : {SimdLevel::kPortable, simd_level()}) {
      std::vector<uint8_t> red(width), green(width), blue(width);
      deinterleave(level, rgb.data(), width, {red.data(), green.data(), blue.data()});
      for (int x = 0; x < width; ++x) {
        CHECK(red[x] == rgb[3 * x] && green[x] == rgb[3 * x + 1] && blue[x] == rgb[3 * x + 2]);
      }
    }
  }
}

float half_value(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const float fraction = static_cast<float>(half & 1023);
  const float magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST(halves_round_to_the_nearest_even) {
  for (uint32_t half = 0; half < 0x7C00; ++half) {
    const uint16_t bits = static_cast<uint16_t>(half);
    const float value = half_value(bits),
                next = half == 0x7BFF ? 65536.0f : half_value(static_cast<uint16_t>(half + 1));
    const float middle = value + (next - value) / 2;
    CHECK(half_bits(value) == bits);
    CHECK(half_bits(-value) == (bits | 0x8000));
    CHECK(half_bits(middle) == bits + bits % 2);
    CHECK(half_bits(std::nextafter(middle, 0.0f)) == bits);
    CHECK(half_bits(std::nextafter(middle, 1e6f)) == bits + 1);
  }
  CHECK(half_bits(1e30f) == 0x7C00);
  CHECK(half_bits(-INFINITY) == 0xFC00);
  CHECK(half_bits(NAN) == 0x7E00);
}

TEST(planes_are_written_and_nothing_else) {
  Random random(5);
  PlaneWriter writer;
  for (int round = 0; round < 200; ++round) {
    const Size size = random_size(random);
    const Rect place = random_rect(random, size);
    const std::vector<uint8_t> image = noise(random, {place.height, place.width});
    std::vector<uint8_t> planes(static_cast<size_t>(size.height) * size.width * 3, 77);
    writer.write({}, pixels_of(image, {place.height, place.width}), size, place.x, place.y, planes.data());
    const size_t plane = static_cast<size_t>(size.height) * size.width;
    bool equal = true;
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const int row = y - place.y, column = x - place.x;
        const bool covered = row >= 0 && row < place.height && column >= 0 && column < place.width;
        for (int channel = 0; channel < 3; ++channel) {
          const uint8_t expected = covered ? image[(static_cast<size_t>(row) * place.width + column) * 3 + channel] : 0;
          equal = equal && planes[channel * plane + static_cast<size_t>(y) * size.width + x] == expected;
        }
      }
    }
    CHECK(equal);
  }
}

}  // namespace
}  // namespace penstock::testing

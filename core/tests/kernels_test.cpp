#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/colour/neighbour_kernels.h"
#include "engine/colour/pixel_kernels.h"
#include "engine/colour/value_counter.h"
#include "engine/jpeg/deinterleave.h"
#include "engine/pixels/conversion_kernels.h"
#include "engine/pixels/convert.h"
#include "engine/pixels/half.h"
#include "engine/pixels/resample.h"
#include "engine/pixels/resizer.h"
#include "engine/pixels/reverse.h"
#include "engine/pixels/transpose.h"
#include "engine/simd.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

Size random_size(Random& random) {
  const int limit = between(random, 0, 1) == 0 ? 12 : 150;
  return {between(random, 1, limit), between(random, 1, limit)};
}

// What a resampler makes of a plane that begins with the needed rectangle.
std::vector<uint8_t> resized(PlaneFilter& resampler, const uint8_t* part, ptrdiff_t stride, Rect window) {
  std::vector<uint8_t> result(static_cast<size_t>(window.height) * window.width);
  resampler.begin(part, stride);
  for (int y = 0; y < window.height; ++y) {
    // Exactly the row, so that a sanitizer sees any write behind it.
    std::vector<uint8_t> row(window.width);
    resampler.next_row(row.data());
    std::copy(row.begin(), row.end(), result.begin() + static_cast<ptrdiff_t>(y) * window.width);
  }
  return result;
}

std::vector<uint8_t> cut_out(const std::vector<uint8_t>& plane, Size size, Rect rect) {
  std::vector<uint8_t> part;
  for (int y = rect.y; y < rect.y + rect.height; ++y) {
    const auto row = plane.begin() + static_cast<ptrdiff_t>(y) * size.width + rect.x;
    part.insert(part.end(), row, row + rect.width);
  }
  part.resize(part.size() + kReadAhead);
  part.shrink_to_fit();
  return part;
}

struct ResizeCase {
  Size source;
  Size target;
  Rect window;
  bool flip;
};

// Many shrink factors: enlarged, near to 1, up to 4 (what a kernel takes from one piece), and beyond.
ResizeCase random_resize(Random& random) {
  ResizeCase c;
  c.source = random_size(random);
  c.target = random_size(random);
  if (between(random, 0, 3) == 0) c.source.width *= between(random, 1, 20);
  if (between(random, 0, 3) == 0) c.source.height *= between(random, 1, 20);
  c.window = random_rect(random, c.target);
  c.flip = between(random, 0, 1) == 0;
  return c;
}

TEST(resampling_is_the_same_at_every_level) {
  Random random(1);
  Resampler resampler;
  for (int round = 0; round < 600; ++round) {
    const ResizeCase c = random_resize(random);
    const std::vector<uint8_t> plane = noise_plane(random, c.source);
    std::vector<uint8_t> first;
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      const Rect needed = resampler.prepare(c.source, c.target, c.window, c.flip);
      const uint8_t* const part = plane.data() + static_cast<ptrdiff_t>(needed.y) * c.source.width + needed.x;
      const std::vector<uint8_t> result = resized(resampler, part, c.source.width, c.window);
      if (first.empty()) first = result;
      CHECK(result == first);
    }
  }
}

TEST(only_the_needed_part_is_read) {
  Random random(2);
  Resampler resampler;
  for (int round = 0; round < 600; ++round) {
    const ResizeCase c = random_resize(random);
    const std::vector<uint8_t> plane = noise_plane(random, c.source);
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      const Rect whole{0, 0, c.target.width, c.target.height};
      const Rect all = resampler.prepare(c.source, c.target, whole, false);
      const uint8_t* const start = plane.data() + static_cast<ptrdiff_t>(all.y) * c.source.width + all.x;
      std::vector<uint8_t> expected = cut_out(resized(resampler, start, c.source.width, whole), c.target, c.window);
      expected.resize(expected.size() - kReadAhead);
      const Rect needed = resampler.prepare(c.source, c.target, c.window, false);
      CHECK(intersection(needed, {0, 0, c.source.width, c.source.height}) == needed);
      // The part alone, in memory that ends with it.
      const std::vector<uint8_t> part = cut_out(plane, c.source, needed);
      CHECK(resized(resampler, part.data(), needed.width, c.window) == expected);
    }
  }
}

TEST(every_filter_gives_a_window_of_the_whole_from_its_part_alone_at_every_level) {
  Random random(7);
  Resizer resizer;
  for (int round = 0; round < 200; ++round) {
    const ResizeCase c = random_resize(random);
    const auto filter = static_cast<ResizeFilter>(1 + round % kLastResizeFilter);
    const std::vector<uint8_t> plane = noise_plane(random, c.source);
    set_simd_level("portable");
    const Rect whole{0, 0, c.target.width, c.target.height};
    const Rect all = resizer.prepare(filter, c.source, c.target, whole, false);
    const uint8_t* const start = plane.data() + static_cast<ptrdiff_t>(all.y) * c.source.width + all.x;
    std::vector<uint8_t> expected =
        cut_out(resized(resizer.filter(), start, c.source.width, whole), c.target, c.window);
    expected.resize(expected.size() - kReadAhead);
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      const Rect needed = resizer.prepare(filter, c.source, c.target, c.window, false);
      CHECK(intersection(needed, Resizer::reach(filter, c.source, c.target, c.window)) == needed);
      const std::vector<uint8_t> part = cut_out(plane, c.source, needed);
      CHECK(resized(resizer.filter(), part.data(), needed.width, c.window) == expected);
    }
  }
}

TEST(planes_are_transposed) {
  Random random(8);
  for (int round = 0; round < 100; ++round) {
    const Size size = random_size(random);
    const std::vector<uint8_t> plane = noise_plane(random, size);
    std::vector<uint8_t> result(static_cast<size_t>(size.height) * size.width);
    transpose(plane.data(), size.width, size.height, size.width, result.data(), size.height);
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) CHECK(result[x * size.height + y] == plane[y * size.width + x]);
    }
  }
}

TEST(weights_of_an_output_add_up_to_one) {
  Random random(3);
  AxisWeights axis;
  for (int round = 0; round < 600; ++round) {
    const int limit = round % 3 == 0 ? 12 : round % 3 == 1 ? 600 : 65535;
    const int source = between(random, 1, limit), target = between(random, 1, std::min(limit, 600));
    axis.compute(source, target, 0, target, round % 2 != 0);
    CHECK(axis.first_input() >= 0 && axis.first_input() + axis.input_count() <= source);
    for (int output = 0; output < target; ++output) {
      const int start = axis.starts()[output], taps = 2 * axis.pair_count();
      CHECK(start >= 0);
      CHECK(start + taps <= std::max(axis.input_count(), taps));
      CHECK(taps <= axis.input_count() + 1);
      int64_t sum = 0;
      for (int tap = 0; tap < taps; ++tap) {
        const int32_t pair = axis.weights(output)[tap / 2];
        const int weight = tap % 2 == 0 ? first_of(pair) : second_of(pair);
        CHECK(weight >= 0);
        CHECK(weight == 0 || start + tap < axis.input_count());
        sum += weight;
      }
      CHECK(sum == int64_t{1} << axis.bits());
    }
  }
}

TEST(deinterleaving_keeps_to_its_row) {
  Random random(4);
  for (int width = 1; width <= 200; ++width) {
    std::vector<uint8_t> rgb(static_cast<size_t>(width) * 3);
    for (uint8_t& byte : rgb) byte = static_cast<uint8_t>(random());
    for (const SimdLevel level : {SimdLevel::kPortable, SimdLevel::kAvx2, simd_level()}) {
      if (level > simd_level()) continue;
      std::vector<uint8_t> red(width), green(width), blue(width);
      deinterleave(level, rgb.data(), width, {red.data(), green.data(), blue.data()});
      for (int x = 0; x < width; ++x) {
        CHECK(red[x] == rgb[3 * x] && green[x] == rgb[3 * x + 1] && blue[x] == rgb[3 * x + 2]);
      }
    }
  }
}

// `change(level, factor, image)` has the same result at every level.
template <typename Change>
void check_levels(Change change) {
  Random random(7);
  for (int round = 0; round < 40; ++round) {
    const Size size = random_size(random);
    const std::vector<uint8_t> noise = noise_plane(random, {3 * size.height, size.width});
    for (const float factor : {0.0F, 0.1F, 0.7F, 1.0F, 1.3F, 9.0F, 3e38F}) {
      std::vector<uint8_t> expected = noise;
      change(SimdLevel::kPortable, factor, PlanarImage{expected.data(), size});
      for (const SimdLevel level : {SimdLevel::kAvx2, SimdLevel::kAvx512}) {
        if (level > simd_level()) continue;
        std::vector<uint8_t> image = noise;
        change(level, factor, PlanarImage{image.data(), size});
        CHECK(image == expected);
      }
    }
  }
}

TEST(saturation_is_the_same_at_every_level) { check_levels(change_saturation); }

TEST(sharpness_is_the_same_at_every_level) {
  Sharpness sharpness;
  check_levels([&](SimdLevel level, float factor, const PlanarImage& image) { sharpness.apply(level, factor, image); });
}

// Of few values, pairs are many: more than a byte counts, once and several times.
TEST(counts_are_those_of_each_value) {
  Random random(8);
  ValueCounter counter;
  for (int round = 0; round < 60; ++round) {
    std::vector<uint8_t> values(static_cast<size_t>(between(random, 0, round % 2 == 0 ? 100 : 9000)));
    const int first = between(random, 0, 255), last = between(random, first, round % 3 == 0 ? first : 255);
    for (uint8_t& value : values) value = static_cast<uint8_t>(between(random, first, last));
    Histogram expected{};
    for (const uint8_t value : values) ++expected[value];
    for (const SimdLevel level : {SimdLevel::kPortable, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
      if (level <= simd_level()) CHECK(counter.count(level, values.data(), values.size()) == expected);
    }
  }
}

TEST(reversing_keeps_to_its_row) {
  Random random(6);
  for (size_t width = 0; width <= 300; ++width) {
    std::vector<uint8_t> row(width);
    for (uint8_t& byte : row) byte = static_cast<uint8_t>(random());
    for (const SimdLevel level : {SimdLevel::kPortable, SimdLevel::kAvx2, simd_level()}) {
      if (level > simd_level()) continue;
      std::vector<uint8_t> reversed(width);
      reverse_row(level, row.data(), width, reversed.data());
      CHECK(std::equal(row.rbegin(), row.rend(), reversed.begin()));
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

template <typename Item>
void check_conversion(Random& random, const ByteConversion<Item>& by) {
  constexpr int kMost = 150, kMargin = 64;
  alignas(64) Item out[kMost + 2 * kMargin];
  for (int width = 0; width <= kMost; ++width) {
    const std::vector<uint8_t> values = noise_plane(random, {1, width});
    // On every place in a cache line.
    const int offset = between(random, 0, 1) == 0 ? 0 : between(random, 0, 31);
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      std::fill(std::begin(out), std::end(out), Item{7});
      convert_bytes(simd_level(), values.data(), width, by, out + kMargin + offset);
      finish_conversions(simd_level());
      bool right = true;
      for (int i = 0; i < kMost + 2 * kMargin; ++i) {
        const int x = i - kMargin - offset;
        const Item expected = x >= 0 && x < width ? by.table[values[static_cast<size_t>(x)]] : Item{7};
        right = right && out[i] == expected;
      }
      CHECK(right);
    }
  }
}

TEST(conversions_fill_their_place_and_nothing_else) {
  Random random(6);
  const ConversionSteps usual[] = {{}, {255}, {255, 0.485f, 0.229f}, {1, 116.28f, 57.38f}, {255, 0.5f, 1e-37f}};
  for (const ConversionSteps& steps : usual) {
    check_conversion(random, floats_by(steps));
    check_conversion(random, halves_by(steps));
  }
  CHECK(floats_by({255, 0.485f, 0.229f}).divides_exactly);
  // What overflows is looked up.
  CHECK(!floats_by({1, 0, 1e-38f}).divides_exactly);
  check_conversion(random, floats_by({1, 0, 1e-38f}));
  check_conversion(random, halves_by({1, 0, 1e-38f}));
}

TEST(multiplying_divides_exactly) {
  Random random(7);
  int exact = 0;
  for (int round = 0; round < 3000; ++round) {
    const float mean = static_cast<float>(random() % 100000) / 100000;
    const float deviation = static_cast<float>(random() % 100000 + 1) / 100000;
    exact += floats_by({255, mean, deviation}).divides_exactly;
  }
  CHECK(exact > 2900);
}

TEST(planes_are_written_and_nothing_else) {
  Random random(5);
  PlaneWriter writer;
  for (int round = 0; round < 200; ++round) {
    const Size size = random_size(random);
    const Rect place = random_rect(random, size);
    const size_t row_bytes = static_cast<size_t>(place.width);
    const std::vector<uint8_t> image = noise_plane(random, {place.height * 3, place.width});
    std::vector<uint8_t> planes(static_cast<size_t>(size.height) * size.width * 3, 77);
    writer.begin({}, size, place, {7, 8, 9}, planes.data());
    for (int row = 0; row < 3 * place.height; ++row) {
      const uint8_t* const values = image.data() + row * row_bytes;
      writer.write(row / place.height, row % place.height, values);
    }
    bool equal = true;
    for (int row = 0; row < 3 * size.height; ++row) {
      for (int x = 0; x < size.width; ++x) {
        const int y = row % size.height - place.y, column = x - place.x;
        const bool covered = y >= 0 && y < place.height && column >= 0 && column < place.width;
        const size_t from = (static_cast<size_t>(row / size.height) * place.height + y) * row_bytes + column;
        equal = equal &&
                planes[static_cast<size_t>(row) * size.width + x] == (covered ? image[from] : 7 + row / size.height);
      }
    }
    CHECK(equal);
  }
}

}  // namespace
}  // namespace penstock::testing

#include <algorithm>
#include <vector>

#include "engine/dct/kernels.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

constexpr int kSlack = 64;  // bytes past the end of a row that kernels may touch

std::vector<const PlaneKernels*> all_levels() {
  std::vector<const PlaneKernels*> kernels;
  for (size_t level = 0; level < simd_levels().size(); ++level) {
    kernels.push_back(&plane_kernels(static_cast<SimdLevel>(level)));
  }
  return kernels;
}

// Exactly what kernels may read: the sample before a row, the row, and the slack; at an image's edges, copies.
class Row {
 public:
  Row(Random& random, int width) : bytes_(static_cast<size_t>(1 + width + kSlack)) {
    const bool extreme = between(random, 0, 1) == 0;
    for (uint8_t& byte : bytes_) byte = static_cast<uint8_t>(extreme ? between(random, 0, 1) * 255 : random());
    bytes_[0] = bytes_[1];
    bytes_[static_cast<size_t>(width) + 1] = bytes_[static_cast<size_t>(width)];
  }

  const uint8_t* data() const { return bytes_.data() + 1; }
  int operator[](int x) const { return bytes_[static_cast<size_t>(x) + 1]; }

 private:
  std::vector<uint8_t> bytes_;
};

using Samples = std::vector<uint8_t>;

// The first `width` of what `run` writes.
template <typename Run>
Samples written(int width, const Run& run) {
  Samples out(static_cast<size_t>(width + kSlack));
  run(out.data());
  out.resize(static_cast<size_t>(width));
  return out;
}

uint8_t byte_of(int value) { return static_cast<uint8_t>(value); }

// ITU T.81 leaves upsampling open; these are libjpeg's formulas for rows of at least two samples, with its special
// cases for the first and the last one.
Samples expected_h2v1(const Row& row, int width) {
  Samples out;
  for (int x = 0; x < width; ++x) {
    out.push_back(x == 0 ? byte_of(row[x]) : byte_of((row[x] * 3 + row[x - 1] + 1) >> 2));
    out.push_back(x == width - 1 ? byte_of(row[x]) : byte_of((row[x] * 3 + row[x + 1] + 2) >> 2));
  }
  return out;
}

Samples expected_h2v2(const Row& near, const Row& far, int width) {
  const auto column = [&](int x) { return near[x] * 3 + far[x]; };
  Samples out;
  for (int x = 0; x < width; ++x) {
    const int here = column(x);
    out.push_back(byte_of(x == 0 ? (here * 4 + 8) >> 4 : (here * 3 + column(x - 1) + 8) >> 4));
    out.push_back(byte_of(x == width - 1 ? (here * 4 + 7) >> 4 : (here * 3 + column(x + 1) + 7) >> 4));
  }
  return out;
}

Samples expected_h1v2(const Row& near, const Row& far, bool above, int width) {
  Samples out;
  for (int x = 0; x < width; ++x) out.push_back(byte_of((near[x] * 3 + far[x] + (above ? 1 : 2)) >> 2));
  return out;
}

TEST(upsampling_is_libjpegs_with_its_edges) {
  Random random(21);
  for (int round = 0; round < 600; ++round) {
    const int width = between(random, 1, round % 2 == 0 ? 40 : 300);
    const Row near(random, width), far(random, width);
    for (const PlaneKernels* kernels : all_levels()) {
      CHECK(written(2 * width, [&](uint8_t* out) { kernels->upsample_h2v1(near.data(), width, out); }) ==
            expected_h2v1(near, width));
      CHECK(written(2 * width, [&](uint8_t* out) { kernels->upsample_h2v2(near.data(), far.data(), width, out); }) ==
            expected_h2v2(near, far, width));
      for (const bool above : {false, true}) {
        CHECK(written(width, [&](uint8_t* out) {
                kernels->upsample_h1v2(near.data(), far.data(), above, width, out);
              }) == expected_h1v2(near, far, above, width));
      }
    }
  }
}

TEST(upsampling_is_right_for_all_pairs) {
  // Each row: all far values with one near value, spread out so that neighbours in the row make pairs as well.
  constexpr int kWidth = 256;
  Random random(22);
  for (int value = 0; value < 256; ++value) {
    std::vector<uint8_t> constant(1 + kWidth + kSlack, byte_of(value)), others(1 + kWidth + kSlack);
    std::vector<uint8_t> alternating(1 + 2 * kWidth + kSlack, byte_of(value));
    for (int x = 0; x < kWidth; ++x) {
      others[static_cast<size_t>(x)] = byte_of(x);
      alternating[static_cast<size_t>(2 * x)] = byte_of(x);
    }
    for (const PlaneKernels* kernels : all_levels()) {
      for (const bool above : {false, true}) {
        const Samples out = written(
            kWidth, [&](uint8_t* to) { kernels->upsample_h1v2(constant.data(), others.data(), above, kWidth, to); });
        for (int x = 0; x < kWidth; ++x) {
          CHECK(out[static_cast<size_t>(x)] == (value * 3 + x + (above ? 1 : 2)) >> 2);
        }
      }
      const Samples out = written(
          4 * kWidth - 4, [&](uint8_t* to) { kernels->upsample_h2v1(alternating.data() + 1, 2 * kWidth - 2, to); });
      for (int x = 0; x < kWidth - 1; ++x) {  // the sample `value` between x and x + 1
        CHECK(out[static_cast<size_t>(4 * x)] == (value * 3 + x + 1) >> 2);
        CHECK(out[static_cast<size_t>(4 * x) + 1] == (value * 3 + x + 1 + 2) >> 2);
        CHECK(out[static_cast<size_t>(4 * x) + 2] == ((x + 1) * 3 + value + 1) >> 2);
        CHECK(out[static_cast<size_t>(4 * x) + 3] == ((x + 1) * 3 + value + 2) >> 2);
      }
    }
  }
}

struct Rgb {
  uint8_t red, green, blue;
};

bool operator==(Rgb a, Rgb b) { return a.red == b.red && a.green == b.green && a.blue == b.blue; }

uint8_t limited(int value) { return byte_of(std::clamp(value, 0, 255)); }

// jdcolor.c's tables: 16 bits of fraction, the rounding half of green's in the table of Cb.
Rgb expected_rgb(int y, int cb, int cr) {
  const auto fixed = [](double value) { return static_cast<int>(value * 65536 + 0.5); };
  const int half = 1 << 15;
  const int red = (fixed(1.40200) * (cr - 128) + half) >> 16, blue = (fixed(1.77200) * (cb - 128) + half) >> 16;
  const int green = (-fixed(0.34414) * (cb - 128) + half - fixed(0.71414) * (cr - 128)) >> 16;
  return {limited(y + red), limited(y + green), limited(y + blue)};
}

TEST(colour_is_right_for_all_chroma) {
  for (const int y : {0, 1, 77, 128, 200, 255}) {
    for (int cb = 0; cb < 256; ++cb) {
      for (const PlaneKernels* kernels : all_levels()) {
        std::vector<uint8_t> red(256 + kSlack, byte_of(y)), green(256 + kSlack, byte_of(cb)), blue(256 + kSlack);
        for (int cr = 0; cr < 256; ++cr) blue[static_cast<size_t>(cr)] = byte_of(cr);
        kernels->ycc_to_rgb(red.data(), green.data(), blue.data(), 256);
        bool equal = true;
        for (int cr = 0; cr < 256; ++cr) {
          const size_t at = static_cast<size_t>(cr);
          equal = equal && Rgb{red[at], green[at], blue[at]} == expected_rgb(y, cb, cr);
        }
        CHECK(equal);
      }
    }
  }
}

TEST(colour_of_any_width) {
  Random random(23);
  for (int width = 1; width <= 200; ++width) {
    const Row y(random, width), cb(random, width), cr(random, width);
    for (const PlaneKernels* kernels : all_levels()) {
      std::vector<uint8_t> planes[3];
      for (int i = 0; i < 3; ++i) {
        const uint8_t* row = (i == 0 ? y : i == 1 ? cb : cr).data();
        planes[i].assign(row, row + width + kSlack);
      }
      kernels->ycc_to_rgb(planes[0].data(), planes[1].data(), planes[2].data(), width);
      for (int x = 0; x < width; ++x) {
        const size_t at = static_cast<size_t>(x);
        CHECK((Rgb{planes[0][at], planes[1][at], planes[2][at]}) == expected_rgb(y[x], cb[x], cr[x]));
      }
    }
  }
}

}  // namespace
}  // namespace penstock::testing

#include <algorithm>
#include <array>
#include <vector>

#include "engine/dct/kernels.h"
#include "tests/blocks.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

// One dimension of the inverse DCT of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) with the fixed-point factors and
// in the order of operations of libjpeg's jidctint.c; outputs before descaling.
void transform(const int* in, int step, int* out) {
  const int z1 = (in[2 * step] + in[6 * step]) * 4433;
  const int tmp2 = z1 - in[6 * step] * 15137, tmp3 = z1 + in[2 * step] * 6270;
  const int tmp0 = (in[0] + in[4 * step]) * 8192, tmp1 = (in[0] - in[4 * step]) * 8192;
  const int even[4] = {tmp0 + tmp3, tmp1 + tmp2, tmp1 - tmp2, tmp0 - tmp3};
  const int in1 = in[step], in3 = in[3 * step], in5 = in[5 * step], in7 = in[7 * step];
  const int z5 = (in7 + in3 + in5 + in1) * 9633;
  const int a = (in7 + in1) * -7373, b = (in5 + in3) * -20995;
  const int c = (in7 + in3) * -16069 + z5, d = (in5 + in1) * -3196 + z5;
  const int odd[4] = {in1 * 12299 + a + d, in3 * 25172 + b + c, in5 * 16819 + b + d, in7 * 2446 + a + c};
  for (int k = 0; k < 4; ++k) {
    out[k] = even[k] + odd[k];
    out[7 - k] = even[k] - odd[k];
  }
}

std::array<uint8_t, kBlockItems> expected_samples(const Block& dequantized) {
  Block between_passes;
  int out[8];
  for (int x = 0; x < 8; ++x) {
    transform(dequantized.data() + x, 8, out);
    for (int y = 0; y < 8; ++y) between_passes[static_cast<size_t>(8 * y + x)] = (out[y] + (1 << 10)) >> 11;
  }
  std::array<uint8_t, kBlockItems> samples;
  for (int y = 0; y < 8; ++y) {
    transform(between_passes.data() + 8 * y, 1, out);
    for (int x = 0; x < 8; ++x) {
      const int sample = ((out[x] + (1 << 17)) >> 18) + 128;
      samples[static_cast<size_t>(8 * y + x)] = static_cast<uint8_t>(std::clamp(sample, 0, 255));
    }
  }
  return samples;
}

// The samples of blocks, as many as lanes, one after the other.
std::vector<uint8_t> inverse(const BlockKernels& kernels, const std::vector<Block>& blocks, const Block& quantization) {
  alignas(64) int16_t group[kMaxLanes * kBlockItems], by_place[kBlockItems];
  const size_t lanes = static_cast<size_t>(kernels.lanes);
  for (size_t i = 0; i < kBlockItems; ++i) {
    by_place[kernels.place[i]] = static_cast<int16_t>(quantization[i]);
    for (int lane = 0; lane < kernels.lanes; ++lane) {
      group[place_in_group(kernels, lane, i)] = static_cast<int16_t>(blocks[static_cast<size_t>(lane)][i]);
    }
  }
  const size_t stride = 8 * lanes + 5;
  std::vector<uint8_t> rows(7 * stride + 8 * lanes, 0xAA);
  kernels.inverse(group, by_place, rows.data(), static_cast<ptrdiff_t>(stride));
  for (size_t y = 0; y < 7; ++y) {
    for (size_t x = 8 * lanes; x < stride; ++x) CHECK(rows[y * stride + x] == 0xAA);
  }
  std::vector<uint8_t> samples;
  for (size_t lane = 0; lane < lanes; ++lane) {
    for (size_t y = 0; y < 8; ++y) {
      const uint8_t* const row = rows.data() + y * stride + 8 * lane;
      samples.insert(samples.end(), row, row + 8);
    }
  }
  return samples;
}

void check_inverse(const std::vector<Block>& blocks, const Block& quantization) {
  std::vector<uint8_t> expected;
  for (const Block& block : blocks) {
    Block dequantized;
    for (size_t i = 0; i < kBlockItems; ++i) dequantized[i] = block[i] * quantization[i];
    const auto samples = expected_samples(dequantized);
    expected.insert(expected.end(), samples.begin(), samples.end());
  }
  for (const BlockKernels* kernels : all_levels()) {
    const size_t lanes = static_cast<size_t>(kernels->lanes);
    for (size_t first = 0; first < blocks.size(); first += lanes) {
      const auto begin = blocks.begin() + static_cast<ptrdiff_t>(first);
      const std::vector<uint8_t> samples =
          inverse(*kernels, std::vector<Block>(begin, begin + kernels->lanes), quantization);
      CHECK(std::equal(samples.begin(), samples.end(), expected.begin() + static_cast<ptrdiff_t>(first * kBlockItems)));
    }
  }
}

// The dequantised coefficients' magnitudes add up to less than 4 * 512, so no sample is further than 512 from 128.
Block bounded_block(Random& random, const Block& quantization) {
  Block block{};
  int left = between(random, 0, 2047);
  const int count = between(random, 0, 3) == 0 ? 0 : between(random, 1, 64);
  for (int i = 0; i <= count; ++i) {
    const size_t at = i == 0 ? 0 : static_cast<size_t>(between(random, 0, kBlockItems - 1));
    const int magnitude = between(random, 0, left / (between(random, 1, 8) * quantization[at]));
    left -= magnitude * quantization[at];
    block[at] += between(random, 0, 1) == 0 ? magnitude : -magnitude;
  }
  return block;
}

TEST(inverse_dct_is_libjpegs) {
  Random random(34);
  for (int round = 0; round < 3000; ++round) {
    Block quantization;
    const int coarsest = round % 4 == 0 ? 1 : between(random, 1, 255);
    for (int& quantizer : quantization) quantizer = between(random, 1, coarsest);
    std::vector<Block> blocks(kMaxLanes);
    for (Block& block : blocks) block = bounded_block(random, quantization);
    check_inverse(blocks, quantization);
  }
}

TEST(inverse_dct_of_single_coefficients) {
  Block quantization;
  quantization.fill(1);
  for (size_t at = 0; at < kBlockItems; ++at) {
    for (const int value : {1, -1, 7, -100, 1000, -1023, 2047, -2047}) {
      Block block{};
      block[at] = value;
      check_inverse({block, Block{}, block, block}, quantization);
    }
  }
}

TEST(inverse_dct_of_anything_is_the_same_at_every_level) {
  Random random(35);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Block> blocks(kMaxLanes);
    Block quantization;
    for (int& quantizer : quantization) quantizer = static_cast<int16_t>(random() % (round % 2 == 0 ? 65536 : 30));
    for (Block& block : blocks) {
      for (int& value : block)
        value = round % 3 == 0 ? between(random, 0, 1) * 65535 - 32768 : between(random, -3000, 3000);
    }
    std::vector<uint8_t> first;
    for (const BlockKernels* kernels : all_levels()) {
      std::vector<uint8_t> all;
      for (size_t b = 0; b < kMaxLanes; b += static_cast<size_t>(kernels->lanes)) {
        const auto begin = blocks.begin() + static_cast<ptrdiff_t>(b);
        const auto samples = inverse(*kernels, std::vector<Block>(begin, begin + kernels->lanes), quantization);
        all.insert(all.end(), samples.begin(), samples.end());
      }
      if (first.empty()) first = all;
      CHECK(all == first);
    }
  }
}

}  // namespace
}  // namespace penstock::testing

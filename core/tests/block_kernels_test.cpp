#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "engine/dct/kernels.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

using Block = std::array<int, kBlockItems>;  // row by row

constexpr int kSlack = 64;  // bytes that kernels may read after a segment

std::vector<const BlockKernels*> all_levels() {
  std::vector<const BlockKernels*> kernels;
  for (size_t level = 0; level < simd_levels().size(); ++level) {
    kernels.push_back(&block_kernels(static_cast<SimdLevel>(level)));
  }
  return kernels;
}

// --- segments, written as SPEC.md says (9.3)

struct Streams {
  std::vector<uint8_t> headers, dc, masks, bytes, nibbles;

  std::vector<uint8_t> joined() const {
    std::vector<uint8_t> all;
    for (const auto* stream : {&headers, &dc, &masks, &bytes, &nibbles}) {
      all.insert(all.end(), stream->begin(), stream->end());
    }
    return all;
  }
};

void put16(std::vector<uint8_t>& to, int value) {
  to.push_back(static_cast<uint8_t>(value));
  to.push_back(static_cast<uint8_t>(value >> 8));
}

void put_values(Streams& streams, const std::vector<int>& values, size_t byte_count, bool wide) {
  for (size_t k = 0; k < byte_count; ++k) streams.bytes.push_back(static_cast<uint8_t>(values[k]));
  for (size_t k = 0; wide && k < byte_count; ++k) streams.bytes.push_back(static_cast<uint8_t>(values[k] >> 8));
  for (size_t k = byte_count; k < values.size(); ++k) {
    const int nibble = values[k] > 0 ? values[k] - 1 : values[k] + 16;
    if ((k - byte_count) % 2 == 0) {
      streams.nibbles.push_back(static_cast<uint8_t>(nibble));
    } else {
      streams.nibbles.back() = static_cast<uint8_t>(streams.nibbles.back() | nibble << 4);
    }
  }
}

void put_block(Streams& streams, const Block& block) {
  uint64_t mask = 0;
  std::vector<int> values;
  size_t byte_count = 0;
  bool wide = false;
  for (int k = 1; k < kBlockItems; ++k) {
    const int value = block[kNaturalOrder[static_cast<size_t>(k)]];
    if (value == 0) continue;
    mask |= uint64_t{1} << k;
    values.push_back(value);
    if (value < -8 || value > 8) byte_count = values.size();
    wide = wide || value < -128 || value > 127;
  }
  BlockHeader header = {0, static_cast<int>(byte_count), static_cast<int>(values.size() - byte_count), wide};
  while (header.mask_bytes < 8 && (wide || mask >> (8 * header.mask_bytes) != 0)) {
    streams.masks.push_back(static_cast<uint8_t>(mask >> (8 * header.mask_bytes++)));
  }
  put16(streams.headers, header.bits());
  put_values(streams, values, byte_count, wide);
}

// A parsed segment, with exactly the memory that it may read.
struct Parsed {
  std::vector<uint8_t> bytes;
  Segment segment;
  bool sound;

  Parsed(const std::vector<uint8_t>& data, int blocks, bool wide_dc) : bytes(data) {
    bytes.resize(bytes.size() + kSlack);
    bytes.shrink_to_fit();
    sound = segment.parse(bytes.data(), static_cast<uint16_t>(data.size() | (wide_dc ? kWideDc : 0)), blocks);
  }
};

Parsed parsed(const std::vector<Block>& blocks) {
  Streams streams;
  const auto by_dc = [](const Block& a, const Block& b) { return a[0] < b[0]; };
  const auto [low, high] = std::minmax_element(blocks.begin(), blocks.end(), by_dc);
  const int base = (*low)[0];
  const bool wide_dc = (*high)[0] - base > 255;
  if (!wide_dc) put16(streams.dc, base);
  for (const Block& block : blocks) {
    if (wide_dc) {
      put16(streams.dc, block[0]);
    } else {
      streams.dc.push_back(static_cast<uint8_t>(block[0] - base));
    }
    put_block(streams, block);
  }
  return Parsed(streams.joined(), static_cast<int>(blocks.size()), wide_dc);
}

// A block with `count` coefficients beside DC, up to `limit`, most of them small and of low frequency.
Block random_block(Random& random, int count, int limit) {
  Block block{};
  block[0] = between(random, -limit, limit);
  for (int i = 0; i < count; ++i) {
    const int k = between(random, 1, between(random, 1, kBlockItems - 1));
    const int magnitude = between(random, 0, 3) == 0 ? limit : std::min(limit, 8);
    block[kNaturalOrder[static_cast<size_t>(k)]] = between(random, -magnitude, magnitude);
  }
  return block;
}

// All groups of a segment, and one word more.
struct alignas(64) Groups {
  int16_t items[(kSegmentBlocks + kMaxLanes) * kBlockItems + 1];
};

int place_in_group(const BlockKernels& kernels, int lane, size_t position) {
  const int place = kernels.place[position];
  return (place / 8 * kernels.lanes + lane) * 8 + place % 8;
}

TEST(places_are_a_permutation) {
  for (const BlockKernels* kernels : all_levels()) {
    std::array<uint8_t, kBlockItems> sorted = kernels->place;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < kBlockItems; ++i) CHECK(sorted[i] == i);
  }
}

void check_expansion(const BlockKernels& kernels, const std::vector<Block>& blocks, const Segment& segment, int first,
                     int last) {
  static Groups groups;
  std::memset(&groups, 0x55, sizeof groups);
  CHECK(kernels.expand(segment, first, last, groups.items));
  bool equal = true;
  for (int b = first; b < last; ++b) {
    const int16_t* const group = groups.items + (b - first) / kernels.lanes * kernels.lanes * kBlockItems;
    for (size_t i = 0; i < kBlockItems; ++i) {
      const int value = group[place_in_group(kernels, (b - first) % kernels.lanes, i)];
      equal = equal && value == blocks[static_cast<size_t>(b)][i];
    }
  }
  CHECK(equal);
  const int written = (last - first + kernels.lanes - 1) / kernels.lanes * kernels.lanes * kBlockItems;
  CHECK(groups.items[written] == 0x5555);
}

TEST(segments_are_expanded) {
  Random random(31);
  for (int round = 0; round < 1500; ++round) {
    const int limits[] = {1, 8, 127, 1023, 32767};
    const int limit = limits[between(random, 0, 4)], densest = between(random, 0, 1) == 0 ? 20 : 300;
    std::vector<Block> blocks(static_cast<size_t>(between(random, 1, kSegmentBlocks - (round % 2))));
    for (Block& block : blocks) {
      block = random_block(random, between(random, 0, densest), between(random, 0, 9) == 0 ? limit : limit % 128);
    }
    const Parsed data = parsed(blocks);
    CHECK(data.sound);
    const int count = static_cast<int>(blocks.size());
    for (const BlockKernels* kernels : all_levels()) {
      const int first = between(random, 0, (count - 1) / kernels->lanes) * kernels->lanes;
      check_expansion(*kernels, blocks, data.segment, 0, count);
      check_expansion(*kernels, blocks, data.segment, first, between(random, first + 1, count));
    }
  }
}

TEST(segments_with_all_coefficients_are_expanded) {
  for (const int value : {1, -8, 127, -129, 32767, -32768}) {
    Block full;
    full.fill(value);
    Block last_only{};
    last_only[63] = value;
    const std::vector<Block> blocks = {full, last_only, full, full, Block{}, full, full, full};
    const Parsed data = parsed(blocks);
    CHECK(data.sound);
    for (const BlockKernels* kernels : all_levels()) check_expansion(*kernels, blocks, data.segment, 0, 8);
  }
}

// Whether the masks of blocks first to last agree with their headers.
bool masks_agree(const Segment& segment, int first, int last) {
  const uint8_t* masks = segment.masks;
  bool agree = true;
  for (int b = 0; b < last; ++b) {
    const uint16_t bits = static_cast<uint16_t>(segment.headers[2 * b] | segment.headers[2 * b + 1] << 8);
    const BlockHeader header = BlockHeader::of(bits);
    int set = 0;
    for (int i = 0; i < header.mask_bytes; ++i) set += __builtin_popcount(masks[i]);
    const bool sound = set == header.bytes + header.nibbles && (header.mask_bytes == 0 || masks[0] % 2 == 0);
    agree = agree && (b < first || sound);
    masks += header.mask_bytes;
  }
  return agree;
}

TEST(masks_that_disagree_with_headers_are_refused) {
  Random random(32);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const int count = between(random, 1, kSegmentBlocks);
    std::vector<Block> blocks(static_cast<size_t>(count));
    for (Block& block : blocks) block = random_block(random, between(random, 0, 30), 200);
    Parsed data = parsed(blocks);
    // Damage one bit, or everything after the headers.
    uint8_t* const masks = const_cast<uint8_t*>(data.segment.masks);
    const int mask_bytes = static_cast<int>(data.segment.bytes - data.segment.masks);
    if (mask_bytes == 0) continue;
    if (round % 2 == 0) {
      masks[between(random, 0, mask_bytes - 1)] ^= static_cast<uint8_t>(1 << between(random, 0, 7));
    } else {
      for (int i = 0; i < mask_bytes; ++i) masks[i] = static_cast<uint8_t>(round % 3 == 0 ? 0xFF : random());
    }
    refused += !masks_agree(data.segment, 0, count);
    for (const BlockKernels* kernels : all_levels()) {
      static Groups groups;
      const int first = between(random, 0, (count - 1) / kernels->lanes) * kernels->lanes;
      CHECK(kernels->expand(data.segment, first, count, groups.items) == masks_agree(data.segment, first, count));
    }
  }
  CHECK(refused > 1000);
}

TEST(any_headers_are_safe) {
  Random random(33);
  for (int round = 0; round < 4000; ++round) {
    const int count = between(random, 1, kSegmentBlocks);
    std::vector<uint8_t> data(static_cast<size_t>(2 * count + 2 + count));
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(random());
    data[static_cast<size_t>(2 * count) + 1] %= 64;  // the base of DC values, so that they stay within 16 bits
    size_t length = data.size();
    for (int b = 0; b < count; ++b) {
      const int mask_bytes = between(random, 0, kWideMaskBytes);
      data[static_cast<size_t>(2 * b)] = static_cast<uint8_t>((data[static_cast<size_t>(2 * b)] & 0xF0) | mask_bytes);
      const uint16_t bits =
          static_cast<uint16_t>(data[static_cast<size_t>(2 * b)] | data[static_cast<size_t>(2 * b) + 1] << 8);
      const BlockHeader header = BlockHeader::of(bits);
      length += static_cast<size_t>(header.mask_bytes + header.byte_stream() + header.nibble_stream());
    }
    while (data.size() < length) data.push_back(static_cast<uint8_t>(random()));
    const Parsed noise(data, count, false);
    CHECK(noise.sound);
    for (const BlockKernels* kernels : all_levels()) {
      static Groups groups;
      CHECK(kernels->expand(noise.segment, 0, count, groups.items) == masks_agree(noise.segment, 0, count));
    }
  }
}

// --- inverse DCT

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

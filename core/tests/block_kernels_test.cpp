#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "engine/dct/kernels.h"
#include "tests/blocks.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

constexpr int kSlack = 64;  // bytes that kernels may read after a segment

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

}  // namespace
}  // namespace penstock::testing

#include "engine/dct/segment.h"

#include <algorithm>
#include <cstdint>

#include "engine/little_endian.h"

namespace penstock {
namespace {

// What the blocks of a segment take of each stream.
struct Shares {
  int masks = 0;
  int bytes = 0;
  int nibbles = 0;
  bool wide = false;
  bool sound = true;
};

Shares shares_one_by_one(const uint8_t* headers, int blocks) {
  Shares shares;
  for (int block = 0; block < blocks; ++block) {
    const uint16_t bits = u16_at(headers + 2 * block);
    const BlockHeader header = BlockHeader::of(bits);
    shares.sound &= (bits & 15) <= kWideMaskBytes;
    shares.wide |= header.wide;
    shares.masks += header.mask_bytes;
    shares.bytes += header.byte_stream();
    shares.nibbles += header.nibble_stream();
  }
  return shares;
}

constexpr uint64_t kEach = 0x0001000100010001;  // a 1 in each of four headers

int sum_of_four(uint64_t fields) { return static_cast<int>((fields * kEach) >> 48); }

// Eight headers, none of them wide, four at a time in 64 bits; wide or worse ones go the other way.
Shares shares_of(const uint8_t* headers, int blocks) {
  uint64_t masks = 0, bytes = 0, nibbles = 0, beyond = 0;
  if (blocks < kSegmentBlocks) return shares_one_by_one(headers, blocks);
  for (int four = 0; four < 2; ++four) {
    uint64_t bits = 0;
    for (int block = 0; block < 4; ++block) {
      bits |= uint64_t{u16_at(headers + 2 * (4 * four + block))} << (16 * block);
    }
    const uint64_t mask = bits & 15 * kEach;
    beyond |= (mask + 7 * kEach) & 16 * kEach;  // more than 8
    masks += mask;
    bytes += bits >> 4 & 63 * kEach;
    nibbles += ((bits >> 10 & 63 * kEach) + kEach) >> 1 & 63 * kEach;
  }
  if (beyond != 0) return shares_one_by_one(headers, blocks);
  return {sum_of_four(masks), sum_of_four(bytes), sum_of_four(nibbles), false, true};
}

// Whether base and what is added to it stay within 16 bits.
bool has_narrow_dc(const uint8_t* dc, int blocks) {
  const int base = static_cast<int16_t>(u16_at(dc));
  return base <= INT16_MAX - UINT8_MAX || base + *std::max_element(dc + 2, dc + 2 + blocks) <= INT16_MAX;
}

}  // namespace

bool Segment::parse(const uint8_t* data, uint16_t entry, int block_count) {
  blocks = block_count;
  wide_dc = (entry & kWideDc) != 0;
  const int dc_bytes = wide_dc ? 2 * blocks : 2 + blocks;
  const int length = entry & kSegmentLength;
  if (length < 2 * blocks + dc_bytes) return false;
  const Shares shares = shares_of(data, blocks);
  wide = shares.wide;
  headers = data;
  dc = headers + 2 * blocks;
  masks = dc + dc_bytes;
  bytes = masks + shares.masks;
  nibbles = bytes + shares.bytes;
  return shares.sound && nibbles + shares.nibbles == data + length && (wide_dc || has_narrow_dc(dc, blocks));
}

void Segment::skip_values_of(int first) {
  for (int block = 0; block < first; ++block) {
    const BlockHeader header = BlockHeader::of(u16_at(headers + 2 * block));
    masks += header.mask_bytes;
    bytes += header.byte_stream();
    nibbles += header.nibble_stream();
  }
}

}  // namespace penstock

#include "engine/dct/rebuild_blocks.h"

#include "engine/error.h"
#include "engine/little_endian.h"

namespace penstock {
namespace {

[[noreturn]] void refuse(const char* what) {
  throw Error(Fault::kDecode,
              std::string("damaged dct record: ") + what + "; restore the file, or pack the dataset again");
}

int16_t i16_at(const uint8_t* p) { return static_cast<int16_t>(u16_at(p)); }

uint64_t mask_at(const uint8_t* p, int bytes) {
  uint64_t mask = 0;
  for (int i = 0; i < bytes; ++i) mask |= static_cast<uint64_t>(p[i]) << (8 * i);
  return mask;
}

int16_t dc_of(const Segment& segment, int block) {
  if (segment.wide_dc) return i16_at(segment.dc + 2 * block);
  return static_cast<int16_t>(i16_at(segment.dc) + segment.dc[2 + block]);
}

// Value i of a block, counted over both of its streams.
int16_t value_of(const Segment& segment, const BlockHeader& header, int i) {
  if (i >= header.bytes) {
    const int at = i - header.bytes;
    const int code = segment.nibbles[at / 2] >> (at % 2 == 0 ? 0 : 4) & 15;
    return static_cast<int16_t>(code < 8 ? code + 1 : code - 16);
  }
  if (!header.wide) return static_cast<int8_t>(segment.bytes[i]);
  return static_cast<int16_t>(segment.bytes[i] | segment.bytes[header.bytes + i] << 8);
}

void unpack_block(const Segment& segment, const BlockHeader& header, int16_t* block) {
  uint64_t mask = mask_at(segment.masks, header.mask_bytes);
  if ((mask & 1) != 0) refuse("a mask names the DC coefficient");
  if (__builtin_popcountll(mask) != header.bytes + header.nibbles)
    refuse("a mask doesn't agree with its block's header");
  for (int i = 0; mask != 0; ++i, mask &= mask - 1) {
    const int16_t value = value_of(segment, header, i);
    if (value == 0) refuse("a coefficient that should not be zero is");
    block[kNaturalOrder[static_cast<size_t>(__builtin_ctzll(mask))]] = value;
  }
  if (header.nibbles % 2 != 0 && segment.nibbles[header.nibbles / 2] >> 4 != 0)
    refuse("an unused half of a byte is not zero");
}

}  // namespace

void unpack_segment(const Segment& segment, int16_t (*blocks)[kBlockItems]) {
  for (int b = 0; b < segment.blocks; ++b) blocks[b][0] = dc_of(segment, b);
  Segment rest = segment;
  for (int b = 0; b < segment.blocks; ++b) {
    const BlockHeader header = BlockHeader::of(u16_at(rest.headers));
    unpack_block(rest, header, blocks[b]);
    rest.skip_values_of(1);
    rest.headers += 2;
  }
}

}  // namespace penstock

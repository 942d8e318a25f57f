#include "engine/dct/segment.h"

namespace penstock {
namespace {

uint16_t header_at(const uint8_t* headers, int block) {
  return static_cast<uint16_t>(headers[2 * block] | headers[2 * block + 1] << 8);
}

}  // namespace

bool Segment::parse(const uint8_t* data, uint16_t entry, int block_count) {
  blocks = block_count;
  wide_dc = (entry & kWideDc) != 0;
  const int dc_bytes = wide_dc ? 2 * blocks : 2 + blocks;
  const int length = entry & kSegmentLength;
  if (length < 2 * blocks + dc_bytes) return false;
  int mask_bytes = 0, byte_values = 0, nibble_bytes = 0;
  bool sound = true;
  wide = false;
  for (int block = 0; block < blocks; ++block) {
    const uint16_t bits = header_at(data, block);
    const BlockHeader header = BlockHeader::of(bits);
    sound &= (bits & 15) <= kWideMaskBytes;
    wide |= header.wide;
    mask_bytes += header.mask_bytes;
    byte_values += header.byte_stream();
    nibble_bytes += header.nibble_stream();
  }
  headers = data;
  dc = headers + 2 * blocks;
  masks = dc + dc_bytes;
  bytes = masks + mask_bytes;
  nibbles = bytes + byte_values;
  return sound && 2 * blocks + dc_bytes + mask_bytes + byte_values + nibble_bytes == length;
}

void Segment::skip_values_of(int first) {
  for (int block = 0; block < first; ++block) {
    const BlockHeader header = BlockHeader::of(header_at(headers, block));
    masks += header.mask_bytes;
    bytes += header.byte_stream();
    nibbles += header.nibble_stream();
  }
}

}  // namespace penstock

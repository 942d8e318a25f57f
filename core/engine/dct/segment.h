// A segment of a dct record: up to 8 neighbouring blocks of one block row, in five streams (SPEC.md, 9.3).
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/geometry.h"

namespace penstock {

constexpr int kSegmentBlocks = 8;
constexpr int kWideMaskBytes = 9;            // as mask bytes in a header: 8, and values of 16 bits
constexpr uint16_t kWideDc = 0x8000;         // in a length of the segment table: DC values of 16 bits
constexpr uint16_t kSegmentLength = 0x7FFF;  // the length itself
constexpr int kMaxSegmentBytes = kSegmentBlocks * (2 + 2 + 8 + 2 * 63);

// One block's header, taken apart.
struct BlockHeader {
  int mask_bytes;  // 0 to 8
  int bytes;       // values in the stream of bytes, the first ones in zigzag order
  int nibbles;     // values in the stream of nibbles, those after them
  bool wide;       // `bytes` values of 16 bits: all low bytes, then all high bytes

  static BlockHeader of(uint16_t bits) {
    const int mask = bits & 15;
    return {mask == kWideMaskBytes ? 8 : mask, bits >> 4 & 63, bits >> 10, mask == kWideMaskBytes};
  }
  uint16_t bits() const {
    return static_cast<uint16_t>((wide ? kWideMaskBytes : mask_bytes) | bytes << 4 | nibbles << 10);
  }
  int byte_stream() const { return wide ? 2 * bytes : bytes; }
  int nibble_stream() const { return (nibbles + 1) / 2; }
};

// Where the streams of a segment begin. Kernels may read 64 bytes past the end of each.
struct Segment {
  const uint8_t* headers = nullptr;  // uint16, one per block
  const uint8_t* dc = nullptr;       // int16 base and a uint8 to add per block, or int16 per block if `wide_dc`
  const uint8_t* masks = nullptr;    // bit k: zigzag coefficient k is not zero; bit 0 is 0
  const uint8_t* bytes = nullptr;
  const uint8_t* nibbles = nullptr;  // low half first; 0 to 7 are 1 to 8, 8 to 15 are -8 to -1
  int blocks = 0;
  bool wide_dc = false;
  bool wide = false;  // some block is

  // Takes apart `entry & kSegmentLength` bytes at `data`, which hold `blocks` blocks. False where the headers don't
  // agree with the length, or a DC value has over 16 bits.
  bool parse(const uint8_t* data, uint16_t entry, int blocks);

  // Moves masks, bytes and nibbles on to those of block `first`.
  void skip_values_of(int first);
};

}  // namespace penstock

// The parts of packing a segment that all instruction sets share.
#pragma once

#include <algorithm>
#include <cstring>

#include "engine/dct/encoder_segment.h"

namespace penstock {

// Where each stream of a segment goes on. Each has 64 bytes of room after what it may need.
struct SegmentStreams {
  uint8_t* headers;
  uint8_t* masks;
  uint8_t* bytes;
  uint8_t* nibbles;

  void put_header(BlockHeader header) {
    const uint16_t bits = header.bits();
    headers[0] = static_cast<uint8_t>(bits);
    headers[1] = static_cast<uint8_t>(bits >> 8);
    headers += 2;
  }

  void put_mask(uint64_t mask, int mask_bytes) {
    for (int i = 0; i < 8; ++i) masks[i] = static_cast<uint8_t>(mask >> (8 * i));
    masks += mask_bytes;
  }
};

inline int bytes_of_mask(uint64_t mask) { return mask == 0 ? 0 : 8 - __builtin_clzll(mask) / 8; }

inline void put_i16(uint8_t* out, int value) {
  out[0] = static_cast<uint8_t>(value);
  out[1] = static_cast<uint8_t>(static_cast<uint16_t>(value) >> 8);
}

// Writes the DC values and returns the end of the stream.
inline uint8_t* put_dc(const int16_t (*blocks)[kBlockItems], int count, uint8_t* out, bool& wide) {
  int lowest = blocks[0][0], highest = lowest;
  for (int b = 1; b < count; ++b) {
    lowest = std::min<int>(lowest, blocks[b][0]);
    highest = std::max<int>(highest, blocks[b][0]);
  }
  wide = highest - lowest > UINT8_MAX;
  if (wide) {
    for (int b = 0; b < count; ++b) put_i16(out + 2 * b, blocks[b][0]);
    return out + 2 * count;
  }
  put_i16(out, lowest);
  for (int b = 0; b < count; ++b) out[2 + b] = static_cast<uint8_t>(blocks[b][0] - lowest);
  return out + 2 + count;
}

#ifdef PENSTOCK_HAS_AVX512_KERNELS
uint16_t pack_segment_avx512(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits, uint8_t* out);
#endif

// `pack_block(block, limits, streams)` appends everything of a block but its DC, and is false where it is out of range.
template <typename PackBlock>
inline __attribute__((always_inline)) uint16_t pack_segment(const int16_t (*blocks)[kBlockItems], int count,
                                                            const RangeLimits& limits, uint8_t* out,
                                                            PackBlock pack_block) {
  uint8_t bytes[kSegmentBlocks * 2 * (kBlockItems - 1) + 64];
  uint8_t nibbles[kSegmentBlocks * kBlockItems / 2 + 64];
  bool wide_dc = false;
  SegmentStreams streams{out, put_dc(blocks, count, out + 2 * count, wide_dc), bytes, nibbles};
  for (int b = 0; b < count; ++b) {
    if (!pack_block(blocks[b], limits, streams)) return 0;
  }
  const size_t byte_count = static_cast<size_t>(streams.bytes - bytes);
  const size_t nibble_count = static_cast<size_t>(streams.nibbles - nibbles);
  std::memcpy(streams.masks, bytes, byte_count);
  std::memcpy(streams.masks + byte_count, nibbles, nibble_count);
  const size_t length = static_cast<size_t>(streams.masks - out) + byte_count + nibble_count;
  return static_cast<uint16_t>(length | (wide_dc ? kWideDc : 0));
}

}  // namespace penstock

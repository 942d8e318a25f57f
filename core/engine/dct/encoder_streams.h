// The parts of packing a segment that all instruction sets share.
#pragma once

#include <algorithm>
#include <cstring>

#include "engine/dct/encoder_segment.h"

namespace penstock {

template <typename Integer>
inline void put_little_endian(uint8_t* out, Integer value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  std::memcpy(out, &value, sizeof value);
#else
  for (size_t i = 0; i < sizeof value; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
#endif
}

// Where each stream of a segment goes on. Each has 64 bytes of room after what it may need.
struct SegmentStreams {
  uint8_t* headers;
  uint8_t* masks;
  uint8_t* bytes;
  uint8_t* nibbles;

  // Moves on by what a block has written.
  void advance(BlockHeader header) {
    put_little_endian(headers, header.bits());
    headers += 2;
    masks += header.mask_bytes;
    bytes += header.byte_stream();
    nibbles += header.nibble_stream();
  }
};

// The header of a block with these non-zero coefficients but DC, of which those in `byte_mask`, the first ones, go to
// the stream of bytes.
inline BlockHeader header_of(uint64_t mask, uint64_t byte_mask, bool wide) {
  const int mask_bytes = wide ? 8 : mask == 0 ? 0 : 8 - __builtin_clzll(mask) / 8;
  return {mask_bytes, __builtin_popcountll(byte_mask), __builtin_popcountll(mask ^ byte_mask), wide};
}

// Of `mask`, all up to and including the last one of `large`; bit 0 is in neither.
inline uint64_t up_to_last(uint64_t large, uint64_t mask) {
  return mask & ((uint64_t{2} << (63 - __builtin_clzll(large | 1))) - 1);
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
    for (int b = 0; b < count; ++b) put_little_endian(out + 2 * b, blocks[b][0]);
    return out + 2 * count;
  }
  put_little_endian(out, static_cast<int16_t>(lowest));
  for (int b = 0; b < count; ++b) out[2 + b] = static_cast<uint8_t>(blocks[b][0] - lowest);
  return out + 2 + count;
}

// memcpy of few bytes, which may also copy up to 63 more.
inline __attribute__((always_inline)) void copy_with_room(uint8_t* out, const uint8_t* from, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) std::memcpy(out + i, from + i, 64);
}

// `pack_block(block, streams)` appends everything of a block but its DC.
template <typename PackBlock>
inline __attribute__((always_inline)) uint16_t pack_segment(const int16_t (*blocks)[kBlockItems], int count,
                                                            uint8_t* out, PackBlock pack_block) {
  uint8_t bytes[kSegmentBlocks * 2 * (kBlockItems - 1) + 64];
  uint8_t nibbles[kSegmentBlocks * kBlockItems / 2 + 64];
  bool wide_dc = false;
  SegmentStreams streams{out, put_dc(blocks, count, out + 2 * count, wide_dc), bytes, nibbles};
  for (int b = 0; b < count; ++b) pack_block(blocks[b], streams);
  const size_t byte_count = static_cast<size_t>(streams.bytes - bytes);
  const size_t nibble_count = static_cast<size_t>(streams.nibbles - nibbles);
  copy_with_room(streams.masks, bytes, byte_count);
  copy_with_room(streams.masks + byte_count, nibbles, nibble_count);
  const size_t length = static_cast<size_t>(streams.masks - out) + byte_count + nibble_count;
  return static_cast<uint16_t>(length | (wide_dc ? kWideDc : 0));
}

// Appends everything of a block but its DC.
void pack_block_portable(const int16_t* block, SegmentStreams& streams);

#ifdef PENSTOCK_HAS_AVX2_KERNELS
uint16_t pack_segment_avx2(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits, uint8_t* out);
#endif
#ifdef PENSTOCK_HAS_AVX512_KERNELS
uint16_t pack_segment_avx512(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits, uint8_t* out);
#endif

}  // namespace penstock

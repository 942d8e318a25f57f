#include "engine/dct/encoder_segment.h"

#include <cstdlib>
#include <cstring>

#include "engine/dct/encoder_streams.h"

namespace penstock {
namespace {

using Flags = std::array<uint8_t, kBlockItems>;  // 0 or 1 each

// Bit k is flag k: a multiplication brings eight of them together.
uint64_t bits_of(const Flags& flags) {
  uint64_t bits = 0;
  for (size_t i = 0; i < kBlockItems; i += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, flags.data() + i, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    bits |= (eight * 0x0102040810204080 >> 56) << i;
  }
  return bits;
}

// The coefficients of a block but DC, in zigzag order.
struct BlockValues {
  explicit BlockValues(const int16_t* block) {
    for (size_t k = 1; k < kBlockItems; ++k) items[k] = block[kNaturalOrder[k]];
    Flags not_zero, beyond_nibble;
    int beyond_byte = 0;
    for (size_t k = 0; k < kBlockItems; ++k) {
      not_zero[k] = items[k] != 0;
      beyond_nibble[k] = items[k] < -8 || items[k] > 8;
      beyond_byte |= items[k] < INT8_MIN || items[k] > INT8_MAX;
    }
    wide = beyond_byte != 0;
    mask = bits_of(not_zero);
    byte_mask = up_to_last(bits_of(beyond_nibble), mask);
  }

  std::array<int16_t, kBlockItems> items = {};
  uint64_t mask;       // those that are not zero
  uint64_t byte_mask;  // of these, those up to the last that doesn't fit in a nibble
  bool wide;           // one doesn't fit in a byte
};

bool surely_in_range(const int16_t* block, const RangeLimits& limits) {
  uint32_t sum = 0;  // which does not overflow if no coefficient is too large
  int largest = 0;
  for (size_t i = 0; i < kBlockItems; ++i) {
    const int size = std::abs(int{block[i]});
    sum += static_cast<uint32_t>(size) * static_cast<uint32_t>(limits.weights[i]);
    largest = std::max(largest, size);
  }
  return largest <= std::min(kMaxDc, kMaxAc) && sum <= kWeightedLimit;
}

uint8_t nibble_of(int value) { return static_cast<uint8_t>((value > 0 ? value - 1 : value) & 15); }

}  // namespace

void pack_block_portable(const int16_t* block, SegmentStreams& streams) {
  const BlockValues values(block);
  const BlockHeader header = header_of(values.mask, values.byte_mask, values.wide);
  put_little_endian(streams.masks, values.mask);
  uint64_t rest = values.mask;  // less those that have been written
  const auto next = [&values, &rest] {
    const int16_t value = values.items[static_cast<size_t>(__builtin_ctzll(rest))];
    rest &= rest - 1;
    return value;
  };
  uint8_t* const high_bytes = streams.bytes + (header.wide ? header.bytes : 0);
  for (int i = 0; i < header.bytes; ++i) {
    const int16_t value = next();
    high_bytes[i] = static_cast<uint8_t>(static_cast<uint16_t>(value) >> 8);
    streams.bytes[i] = static_cast<uint8_t>(value);
  }
  for (int i = 0; i < header.nibbles; i += 2) {
    const uint8_t low = nibble_of(next());
    const uint8_t high = rest != 0 ? nibble_of(next()) : 0;
    streams.nibbles[i / 2] = static_cast<uint8_t>(low | high << 4);
  }
  streams.advance(header);
}

namespace {

uint16_t pack_portable(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits, uint8_t* out) {
  for (int b = 0; b < count; ++b) {
    if (!surely_in_range(blocks[b], limits) && !in_range(blocks[b], *limits.quantization)) return 0;
  }
  return pack_segment(blocks, count, out, pack_block_portable);
}

}  // namespace

PackSegment segment_packer([[maybe_unused]] SimdLevel level) {
#ifdef PENSTOCK_HAS_AVX512_KERNELS
  if (level >= SimdLevel::kAvx512) return pack_segment_avx512;
#endif
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) return pack_segment_avx2;
#endif
  return pack_portable;
}

}  // namespace penstock

#include "engine/dct/encoder_segment.h"

#include <cstdlib>

#include "engine/dct/encoder_streams.h"

namespace penstock {
namespace {

// The coefficients of a block but DC that are not zero, in zigzag order.
struct BlockValues {
  uint64_t mask = 0;
  uint64_t byte_mask = 0;  // those up to the last that doesn't fit in a nibble
  bool wide = false;       // one doesn't fit in a byte
  int16_t items[kBlockItems];
};

bool fits_nibble(int value) { return value >= -8 && value <= 8; }

// Without branches: which coefficients are zero can't be foreseen.
void collect(const int16_t* block, BlockValues& values) {
  uint64_t large = 0;
  int count = 0;
  for (int k = 1; k < kBlockItems; ++k) {
    const int16_t value = block[kNaturalOrder[k]];
    values.mask |= static_cast<uint64_t>(value != 0) << k;
    large |= static_cast<uint64_t>(!fits_nibble(value)) << k;
    values.wide |= value != static_cast<int8_t>(value);
    values.items[count] = value;
    count += value != 0;
  }
  values.byte_mask = up_to_last(large, values.mask);
}

bool surely_in_range(const int16_t* block, const RangeLimits& limits) {
  int64_t sum = 0;
  int largest = 0;
  for (int i = 0; i < kBlockItems; ++i) {
    const int size = std::abs(static_cast<int>(block[i]));
    sum += size * limits.weights[i];
    largest = std::max(largest, size);
  }
  return sum <= kWeightedLimit && largest <= std::min(kMaxDc, kMaxAc);
}

uint8_t nibble_of(int value) { return static_cast<uint8_t>((value > 0 ? value - 1 : value) & 15); }

void pack_block_portable(const int16_t* block, SegmentStreams& streams) {
  BlockValues values;
  collect(block, values);
  const BlockHeader header = header_of(values.mask, values.byte_mask, values.wide);
  put_little_endian(streams.masks, values.mask);
  for (int i = 0; i < header.bytes; ++i) streams.bytes[i] = static_cast<uint8_t>(values.items[i]);
  if (values.wide) {
    for (int i = 0; i < header.bytes; ++i) {
      streams.bytes[header.bytes + i] = static_cast<uint8_t>(static_cast<uint16_t>(values.items[i]) >> 8);
    }
  }
  for (int i = 0; i < header.nibbles; i += 2) {
    const int16_t* pair = values.items + header.bytes + i;
    const int high = i + 1 < header.nibbles ? nibble_of(pair[1]) : 0;
    streams.nibbles[i / 2] = static_cast<uint8_t>(nibble_of(pair[0]) | high << 4);
  }
  streams.advance(header);
}

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
  return pack_portable;
}

}  // namespace penstock

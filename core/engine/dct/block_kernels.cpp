#include "engine/dct/block_kernels.h"

#include <algorithm>
#include <cstring>

namespace penstock {
namespace {

uint16_t header_at(const uint8_t* headers, int block) {
  return static_cast<uint16_t>(headers[2 * block] | headers[2 * block + 1] << 8);
}

int16_t dc_of(const Segment& segment, int block) {
  const auto i16_at = [&segment](int k) {
    return static_cast<int16_t>(segment.dc[2 * k] | segment.dc[2 * k + 1] << 8);
  };
  if (segment.wide_dc) return i16_at(block);
  return static_cast<int16_t>(i16_at(0) + segment.dc[2 + block]);
}

uint64_t mask_of(const uint8_t* masks, int bytes) {
  uint64_t mask = 0;
  for (int i = 0; i < bytes; ++i) mask |= uint64_t{masks[i]} << (8 * i);
  return mask;
}

int nibble_value(const uint8_t* nibbles, int k) {
  const int nibble = nibbles[k / 2] >> (k % 2 * 4) & 15;
  return nibble < 8 ? nibble + 1 : nibble - 16;
}

// SAFETY: a mask whose number of bits is not the header's is left alone, so no more values are read than there are.
bool expand_portable(const Segment& segment, int first, int last, int16_t* groups) {
  Segment at = segment;
  at.skip_values_of(first);
  for (int block = first; block < last; ++block, groups += kBlockItems) {
    const BlockHeader header = BlockHeader::of(header_at(at.headers, block));
    uint64_t mask = mask_of(at.masks, header.mask_bytes);
    if (__builtin_popcountll(mask) != header.bytes + header.nibbles || (mask & 1) != 0) return false;
    std::memset(groups, 0, sizeof(int16_t) * kBlockItems);
    groups[0] = dc_of(segment, block);
    for (int k = 0; k < header.bytes; ++k, mask &= mask - 1) {
      const int value = header.wide ? static_cast<int16_t>(at.bytes[k] | at.bytes[header.bytes + k] << 8)
                                    : static_cast<int8_t>(at.bytes[k]);
      groups[kNaturalOrder[__builtin_ctzll(mask)]] = static_cast<int16_t>(value);
    }
    for (int k = 0; k < header.nibbles; ++k, mask &= mask - 1) {
      groups[kNaturalOrder[__builtin_ctzll(mask)]] = static_cast<int16_t>(nibble_value(at.nibbles, k));
    }
    at.masks += header.mask_bytes;
    at.bytes += header.byte_stream();
    at.nibbles += header.nibble_stream();
  }
  return true;
}

int16_t saturated(int32_t value) { return static_cast<int16_t>(std::clamp(value, -32768, 32767)); }

// in[j * step] for 0 <= j < 8 to out(k); wraps around as vector units do.
template <typename Store>
inline void transform(const int16_t* in, int step, int32_t bias, int shift, Store store) {
  for (int k = 0; k < 4; ++k) {
    const uint32_t even =
        static_cast<uint32_t>(bias) + static_cast<uint32_t>((in[0] + kEvenSign[k] * in[4 * step]) * (1 << kIdctBits)) +
        static_cast<uint32_t>(kEven[k][0] * in[2 * step]) + static_cast<uint32_t>(kEven[k][1] * in[6 * step]);
    uint32_t odd = 0;
    for (int j = 0; j < 4; ++j) odd += static_cast<uint32_t>(kOdd[k][j] * in[(2 * j + 1) * step]);
    store(k, static_cast<int32_t>(even + odd) >> shift);
    store(7 - k, static_cast<int32_t>(even - odd) >> shift);
  }
}

void inverse_portable(const int16_t* group, const int16_t* quantization, uint8_t* out, ptrdiff_t stride) {
  int16_t values[kBlockItems], between[kBlockItems];
  for (int i = 0; i < kBlockItems; ++i) values[i] = static_cast<int16_t>(group[i] * quantization[i]);
  for (int x = 0; x < kBlockSide; ++x) {
    transform(values + x, kBlockSide, kFirstBias, kFirstShift,
              [&](int k, int32_t value) { between[k * kBlockSide + x] = saturated(value); });
  }
  for (int y = 0; y < kBlockSide; ++y) {
    transform(between + y * kBlockSide, 1, kSecondBias, kSecondShift,
              [&](int k, int32_t value) { out[y * stride + k] = static_cast<uint8_t>(std::clamp(value, 0, 255)); });
  }
}

constexpr std::array<uint8_t, kBlockItems> row_by_row() {
  std::array<uint8_t, kBlockItems> place{};
  for (int i = 0; i < kBlockItems; ++i) place[static_cast<size_t>(i)] = static_cast<uint8_t>(i);
  return place;
}

}  // namespace

const BlockKernels& block_kernels_portable() {
  static constexpr BlockKernels kKernels = {1, row_by_row(), expand_portable, inverse_portable};
  return kKernels;
}

const BlockKernels& block_kernels(SimdLevel level) {
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx512) return block_kernels_avx512();
  if (level >= SimdLevel::kAvx2) return block_kernels_avx2();
#endif
  static_cast<void>(level);
  return block_kernels_portable();
}

}  // namespace penstock

#include "engine/dct/block_kernels.h"

#include <algorithm>
#include <cstring>

#include "engine/little_endian.h"

namespace penstock {
namespace {

int16_t dc_of(const Segment& segment, int block) {
  const auto i16_at = [&segment](int k) { return static_cast<int16_t>(u16_at(segment.dc + 2 * k)); };
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
    const BlockHeader header = BlockHeader::of(u16_at(at.headers + 2 * block));
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

// The inverse DCT is written for compilers that vectorise: loops of 8 columns without branches, 16-bit factors. Sums
// wrap around as those of vector units do.
using Words = int16_t[kBlockItems];  // row by row
using Sums = uint32_t[kBlockItems];

uint32_t product(int16_t a, int16_t b) { return static_cast<uint32_t>(int32_t{a} * b); }

inline void even_part(const Words& in, uint32_t bias, uint32_t even[4][kBlockSide]) {
  static_assert(kEven[3][0] == -kEven[0][0] && kEven[3][1] == -kEven[0][1], "outer");
  static_assert(kEven[2][0] == -kEven[1][0] && kEven[2][1] == -kEven[1][1], "inner");
  for (int x = 0; x < kBlockSide; ++x) {
    const uint32_t sum = static_cast<uint32_t>((in[x] + in[4 * kBlockSide + x]) * (1 << kIdctBits)) + bias;
    const uint32_t difference = static_cast<uint32_t>((in[x] - in[4 * kBlockSide + x]) * (1 << kIdctBits)) + bias;
    const uint32_t outer = product(in[2 * kBlockSide + x], kEven[0][0]) + product(in[6 * kBlockSide + x], kEven[0][1]);
    const uint32_t inner = product(in[2 * kBlockSide + x], kEven[1][0]) + product(in[6 * kBlockSide + x], kEven[1][1]);
    even[0][x] = sum + outer;
    even[1][x] = difference + inner;
    even[2][x] = difference - inner;
    even[3][x] = sum - outer;
  }
}

// Outputs k and 7 - k of each column.
template <int k>
inline void add_odd_part(const Words& in, const uint32_t even[4][kBlockSide], Sums& out) {
  for (int x = 0; x < kBlockSide; ++x) {
    const uint32_t odd = product(in[1 * kBlockSide + x], kOdd[k][0]) + product(in[3 * kBlockSide + x], kOdd[k][1]) +
                         product(in[5 * kBlockSide + x], kOdd[k][2]) + product(in[7 * kBlockSide + x], kOdd[k][3]);
    out[k * kBlockSide + x] = even[k][x] + odd;
    out[(7 - k) * kBlockSide + x] = even[k][x] - odd;
  }
}

// One dimension, of all columns, before descaling.
inline void transform(const Words& in, uint32_t bias, Sums& out) {
  uint32_t even[4][kBlockSide];
  even_part(in, bias, even);
  add_odd_part<0>(in, even, out);
  add_odd_part<1>(in, even, out);
  add_odd_part<2>(in, even, out);
  add_odd_part<3>(in, even, out);
}

template <typename T>
inline void transpose(const T (&in)[kBlockItems], T* out, ptrdiff_t stride) {
  for (int y = 0; y < kBlockSide; ++y) {
    for (int x = 0; x < kBlockSide; ++x) out[y * stride + x] = in[x * kBlockSide + y];
  }
}

// std::clamp would be a branch here.
template <typename T>
T limited(T value, T low, T high) {
  return std::min(std::max(value, low), high);
}

void inverse_portable(const int16_t* group, const int16_t* quantization, uint8_t* out, ptrdiff_t stride) {
  Words words, columns;
  Sums sums;
  uint8_t samples[kBlockItems];
  for (int i = 0; i < kBlockItems; ++i) words[i] = static_cast<int16_t>(group[i] * quantization[i]);
  transform(words, kFirstBias, sums);
  for (int i = 0; i < kBlockItems; ++i) {
    words[i] = static_cast<int16_t>(limited(static_cast<int32_t>(sums[i]) >> kFirstShift, -32768, 32767));
  }
  transpose(words, columns, kBlockSide);
  transform(columns, kSecondBias, sums);
  for (int i = 0; i < kBlockItems; ++i) {
    const int16_t word = static_cast<int16_t>(static_cast<int32_t>(sums[i]) >> kSecondShift);
    samples[i] = static_cast<uint8_t>(limited<int16_t>(word, 0, 255));
  }
  transpose(samples, out, stride);
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

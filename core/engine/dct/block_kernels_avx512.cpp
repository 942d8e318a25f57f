#include "engine/dct/paired_order.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include <cstring>

#include "engine/intrinsics.h"

// A group is four blocks, each a 128-bit lane of every register, in the paired order.
namespace penstock {
namespace {

constexpr int kLanes = 4;

// The position in zigzag order of what belongs at each place.
struct ZigzagOfPlace {
  alignas(64) uint8_t positions[kBlockItems];
};

constexpr ZigzagOfPlace make_zigzag_of_place() {
  ZigzagOfPlace zigzag{};
  for (size_t k = 0; k < kBlockItems; ++k) zigzag.positions[kPairedPlace[kNaturalOrder[k]]] = static_cast<uint8_t>(k);
  return zigzag;
}

constexpr ZigzagOfPlace kZigzagOfPlace = make_zigzag_of_place();

// --- expand

// Reads a segment block by block.
struct Cursor {
  const uint8_t* headers;
  const uint8_t* masks;
  const uint8_t* bytes;
  const uint8_t* nibbles;
};

// A block's coefficients, apart from DC, by place.
struct Values {
  __m512i low;
  __m512i high;  // only where a segment is wide: otherwise the low bytes' signs
};

PENSTOCK_AVX512 inline __m512i nibble_values(const uint8_t* nibbles) {
  const __m512i codes = _mm512_broadcast_i32x4(_mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, -8, -7, -6, -5, -4, -3, -2, -1));
  const __m512i words = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(nibbles)));
  const __m512i both = _mm512_or_si512(words, _mm512_slli_epi16(words, 4));
  return _mm512_shuffle_epi8(codes, _mm512_and_si512(both, _mm512_set1_epi8(15)));
}

// SAFETY: reads at most 64 bytes from where a stream of the segment ends; `damage` collects what must be 0.
template <bool kWide>
PENSTOCK_AVX512 inline Values next_values(Cursor& cursor, uint64_t& damage) {
  uint16_t bits;
  std::memcpy(&bits, cursor.headers, sizeof bits);
  const BlockHeader header = BlockHeader::of(bits);
  uint64_t mask;
  std::memcpy(&mask, cursor.masks, sizeof mask);
  mask = _bzhi_u64(mask, static_cast<unsigned>(header.mask_bytes) * 8);
  const uint64_t of_bytes = _pdep_u64(_bzhi_u64(~uint64_t{0}, static_cast<unsigned>(header.bytes)), mask);
  damage |= static_cast<uint64_t>(_mm_popcnt_u64(mask) ^ (header.bytes + header.nibbles)) | (mask & 1);
  const __m512i values = _mm512_maskz_expand_epi8(of_bytes, _mm512_loadu_si512(cursor.bytes));
  const __m512i low = _mm512_mask_expand_epi8(values, mask ^ of_bytes, nibble_values(cursor.nibbles));
  const __m512i order = _mm512_load_si512(kZigzagOfPlace.positions);
  Values result;
  result.low = _mm512_permutexvar_epi8(order, low);
  if constexpr (kWide) {
    const __m512i signs = _mm512_movm_epi8(_mm512_movepi8_mask(low));
    const __m512i bytes = _mm512_loadu_si512(cursor.bytes + header.bytes);
    result.high = _mm512_permutexvar_epi8(order, _mm512_mask_expand_epi8(signs, header.wide ? of_bytes : 0, bytes));
  }
  cursor.headers += 2;
  cursor.masks += header.mask_bytes;
  cursor.bytes += header.byte_stream();
  cursor.nibbles += header.nibble_stream();
  return result;
}

// The DC values of up to four blocks from `first`, as the first word of each lane.
PENSTOCK_AVX512 inline __m512i dc_values(const Segment& segment, int first) {
  __m128i words;
  if (segment.wide_dc) {
    words = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(segment.dc + 2 * first));
  } else {
    int32_t four;
    int16_t base;
    std::memcpy(&four, segment.dc + 2 + first, sizeof four);
    std::memcpy(&base, segment.dc, sizeof base);
    words = _mm_add_epi16(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(four)), _mm_set1_epi16(base));
  }
  const __m512i spread = _mm512_cvtepu16_epi64(words);
  return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3), _mm512_maskz_mov_epi64(0x0F, spread));
}

// Four registers of four lanes -> lane i of each in register i.
PENSTOCK_AVX512 inline void transpose_lanes(__m512i lanes[kLanes]) {
  const __m512i ab_low = _mm512_shuffle_i32x4(lanes[0], lanes[1], 0x44);
  const __m512i ab_high = _mm512_shuffle_i32x4(lanes[0], lanes[1], 0xEE);
  const __m512i cd_low = _mm512_shuffle_i32x4(lanes[2], lanes[3], 0x44);
  const __m512i cd_high = _mm512_shuffle_i32x4(lanes[2], lanes[3], 0xEE);
  lanes[0] = _mm512_shuffle_i32x4(ab_low, cd_low, 0x88);
  lanes[1] = _mm512_shuffle_i32x4(ab_low, cd_low, 0xDD);
  lanes[2] = _mm512_shuffle_i32x4(ab_high, cd_high, 0x88);
  lanes[3] = _mm512_shuffle_i32x4(ab_high, cd_high, 0xDD);
}

// Four blocks of bytes by place -> registers of words, blocks as lanes.
template <bool kWide>
PENSTOCK_AVX512 inline void store_group(const Values blocks[kLanes], __m512i dc, int16_t* group) {
  __m512i low[kLanes], high[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) low[lane] = blocks[lane].low;
  transpose_lanes(low);
  if constexpr (kWide) {
    for (int lane = 0; lane < kLanes; ++lane) high[lane] = blocks[lane].high;
    transpose_lanes(high);
  }
  const __m512i zero = _mm512_setzero_si512();
  for (int i = 0; i < kLanes; ++i) {
    __m512i first, second;
    if constexpr (kWide) {
      first = _mm512_unpacklo_epi8(low[i], high[i]);
      second = _mm512_unpackhi_epi8(low[i], high[i]);
    } else {
      first = _mm512_srai_epi16(_mm512_unpacklo_epi8(zero, low[i]), 8);
      second = _mm512_srai_epi16(_mm512_unpackhi_epi8(zero, low[i]), 8);
    }
    if (i == 0) first = _mm512_mask_mov_epi16(first, 0x01010101, dc);
    _mm512_store_si512(group + i * 64, first);
    _mm512_store_si512(group + i * 64 + 32, second);
  }
}

template <bool kWide>
PENSTOCK_AVX512 bool expand_values(const Segment& segment, int first, int last, int16_t* groups) {
  Segment from = segment;
  from.skip_values_of(first);
  Cursor cursor = {from.headers + 2 * first, from.masks, from.bytes, from.nibbles};
  uint64_t damage = 0;
  for (int block = first; block < last; block += kLanes, groups += kLanes * kBlockItems) {
    Values blocks[kLanes];
    blocks[0] = next_values<kWide>(cursor, damage);
    for (int lane = 1; lane < kLanes; ++lane) {
      blocks[lane] = block + lane < last ? next_values<kWide>(cursor, damage) : blocks[0];
    }
    store_group<kWide>(blocks, dc_values(segment, block), groups);
  }
  return damage == 0;
}

PENSTOCK_AVX512 bool expand(const Segment& segment, int first, int last, int16_t* groups) {
  return segment.wide ? expand_values<true>(segment, first, last, groups)
                      : expand_values<false>(segment, first, last, groups);
}

// --- inverse

PENSTOCK_AVX512 inline __m512i constants(int first, int second) {
  return _mm512_set1_epi32((first & 0xFFFF) | static_cast<int>(static_cast<unsigned>(second) << 16));
}

// Outputs 0 to 7 of one dimension, 32 bits each, from the pairs (0,4), (2,6), (1,5), (3,7) of its inputs.
template <int kShift>
PENSTOCK_AVX512 inline void transform(const __m512i pairs[4], __m512i bias, __m512i out[8]) {
  const __m512i sum = _mm512_dpwssd_epi32(bias, pairs[0], constants(1 << kIdctBits, 1 << kIdctBits));
  const __m512i difference = _mm512_dpwssd_epi32(bias, pairs[0], constants(1 << kIdctBits, -(1 << kIdctBits)));
  const __m512i zero = _mm512_setzero_si512();
  for (int k = 0; k < 4; ++k) {
    const __m512i start = kEvenSign[k] > 0 ? sum : difference;
    const __m512i even = _mm512_dpwssd_epi32(start, pairs[1], constants(kEven[k][0], kEven[k][1]));
    const __m512i half = _mm512_dpwssd_epi32(zero, pairs[2], constants(kOdd[k][0], kOdd[k][2]));
    const __m512i odd = _mm512_dpwssd_epi32(half, pairs[3], constants(kOdd[k][1], kOdd[k][3]));
    out[k] = _mm512_srai_epi32(_mm512_add_epi32(even, odd), kShift);
    out[7 - k] = _mm512_srai_epi32(_mm512_sub_epi32(even, odd), kShift);
  }
}

// Rows of 4 pairs -> pairs of 4 rows, in each lane.
PENSTOCK_AVX512 inline void transpose(const __m512i rows[4], __m512i pairs[4]) {
  const __m512i low01 = _mm512_unpacklo_epi32(rows[0], rows[1]), low23 = _mm512_unpacklo_epi32(rows[2], rows[3]);
  const __m512i high01 = _mm512_unpackhi_epi32(rows[0], rows[1]), high23 = _mm512_unpackhi_epi32(rows[2], rows[3]);
  pairs[0] = _mm512_unpacklo_epi64(low01, low23);
  pairs[1] = _mm512_unpackhi_epi64(low01, low23);
  pairs[2] = _mm512_unpacklo_epi64(high01, high23);
  pairs[3] = _mm512_unpackhi_epi64(high01, high23);
}

// Byte 16 * b + 4 * x + y of `left` is column x, row y of block b; `right` has columns 4 to 7. Row y of all blocks in
// the lower half, row y + 1 in the upper.
struct RowOrder {
  alignas(64) uint8_t from[2][64];
};

constexpr RowOrder make_row_order() {
  RowOrder order{};
  for (int i = 0; i < 64; ++i) {
    const int row = i / 32, block = i % 32 / 8, column = i % 8;
    const int source = (column / 4) * 64 + block * 16 + (column % 4) * 4 + row;
    order.from[0][i] = static_cast<uint8_t>(source);
    order.from[1][i] = static_cast<uint8_t>(source + 2);
  }
  return order;
}

constexpr RowOrder kRowOrder = make_row_order();

PENSTOCK_AVX512 inline __m512i packed_columns(const __m512i columns[4]) {
  return _mm512_packus_epi16(_mm512_packs_epi32(columns[0], columns[1]), _mm512_packs_epi32(columns[2], columns[3]));
}

PENSTOCK_AVX512 inline void store_two_rows(__m512i rows, uint8_t* out, ptrdiff_t stride) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(rows));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + stride), _mm512_extracti64x4_epi64(rows, 1));
}

PENSTOCK_AVX512 void inverse(const int16_t* group, const int16_t* quantization, uint8_t* out, ptrdiff_t stride) {
  __m512i rows[2][8];  // by half of the columns
  for (int half = 0; half < 2; ++half) {
    __m512i pairs[4];
    for (int pair = 0; pair < 4; ++pair) {
      const int at = 2 * pair + half;
      const __m128i quantizers = _mm_load_si128(reinterpret_cast<const __m128i*>(quantization + at * 8));
      pairs[pair] = _mm512_mullo_epi16(_mm512_load_si512(group + at * 32), _mm512_broadcast_i32x4(quantizers));
    }
    transform<kFirstShift>(pairs, _mm512_set1_epi32(kFirstBias), rows[half]);
  }
  __m512i packed[8];
  for (int y = 0; y < 8; ++y) packed[y] = _mm512_packs_epi32(rows[0][y], rows[1][y]);
  for (int y = 0; y < 8; y += 4) {
    __m512i pairs[4], columns[8];
    transpose(packed + y, pairs);
    transform<kSecondShift>(pairs, _mm512_set1_epi32(kSecondBias), columns);
    const __m512i left = packed_columns(columns), right = packed_columns(columns + 4);
    for (int two = 0; two < 2; ++two) {
      const __m512i order = _mm512_load_si512(kRowOrder.from[two]);
      store_two_rows(_mm512_permutex2var_epi8(left, order, right), out + (y + 2 * two) * stride, stride);
    }
  }
}

}  // namespace

const BlockKernels& block_kernels_avx512() {
  static constexpr BlockKernels kKernels = {kLanes, kPairedPlace, expand, inverse};
  return kKernels;
}

}  // namespace penstock

#endif

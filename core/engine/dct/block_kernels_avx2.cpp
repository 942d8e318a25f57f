#include "engine/dct/paired_order.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS

#include <cstring>

#include "engine/intrinsics.h"

// A group is two blocks, each a 128-bit lane of every register, in the paired order.
namespace penstock {
namespace {

constexpr int kLanes = 2;

PENSTOCK_AVX2 inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
PENSTOCK_AVX2 inline void store(void* to, __m256i bits) { _mm256_storeu_si256(static_cast<__m256i*>(to), bits); }

PENSTOCK_AVX2 inline void store_two(uint8_t* to, __m256i first, __m256i second) {
  store(to, first);
  store(to + 32, second);
}

// 16 bytes for the lower lane, 16 for the upper.
PENSTOCK_AVX2 inline __m256i load_lanes(const uint8_t* lower, const uint8_t* upper) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper)), 1);
}

// --- expand

constexpr int kEighths = 8;      // of a block: the coefficients of one byte of its mask
constexpr int kQuarters = 4;     // of a block: what a lane holds in bytes
constexpr uint8_t kZero = 0x80;  // as an index of pshufb

struct ExpandTables {
  // By byte of a mask: where each of its eight coefficients is among the next values. Reads may go 8 bytes past the
  // end.
  uint8_t eighth[257][8];
  // By quarter of the places and of the zigzag order: indices for both lanes.
  alignas(32) uint8_t quarter[kQuarters][kQuarters][32];
};

ExpandTables make_tables() {
  ExpandTables tables{};
  for (int mask = 0; mask < 256; ++mask) {
    int next = 0;
    for (int bit = 0; bit < 8; ++bit) {
      tables.eighth[mask][bit] = static_cast<uint8_t>((mask >> bit & 1) != 0 ? next++ : kZero);
    }
  }
  std::memset(tables.quarter, kZero, sizeof tables.quarter);
  for (int k = 0; k < kBlockItems; ++k) {
    const uint8_t place = kPairedPlace[kNaturalOrder[static_cast<size_t>(k)]];
    uint8_t* const indices = tables.quarter[place / 16][k / 16];
    indices[place % 16] = indices[16 + place % 16] = static_cast<uint8_t>(k % 16);
  }
  return tables;
}

const ExpandTables& expand_tables() {
  static const ExpandTables tables = make_tables();
  return tables;
}

// Reads a segment block by block.
struct Cursor {
  const uint8_t* headers;
  const uint8_t* masks;
  const uint8_t* bytes;
  const uint8_t* nibbles;
};

using ValueBytes = uint8_t[2 * kBlockItems + 16];  // up to 63 values, then whole registers

// What the streams say of the blocks of a segment, apart from DC; the rest of them are empty.
struct Blocks {
  alignas(32) uint8_t masks[kSegmentBlocks][kEighths];
  alignas(32) uint8_t skipped[kSegmentBlocks][kEighths];  // values of a block before those of this byte of its mask
  ValueBytes values[kSegmentBlocks];                      // in zigzag order; the lower bytes where they have two
  const uint8_t* upper_bytes[kSegmentBlocks];             // of the first `wide_count` values
  int wide_count[kSegmentBlocks];
};

PENSTOCK_AVX2 inline __m256i nibble_values(const uint8_t* nibbles) {
  const __m256i codes =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, -8, -7, -6, -5, -4, -3, -2, -1));
  const __m256i words = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(nibbles)));
  const __m256i both = _mm256_or_si256(words, _mm256_slli_epi16(words, 4));
  return _mm256_shuffle_epi8(codes, _mm256_and_si256(both, _mm256_set1_epi8(15)));
}

// SAFETY: reads at most 64 bytes from where a stream of the segment ends, writes at most 63 + 64 values. Not 0 where
// the mask doesn't agree with the header.
PENSTOCK_AVX2 inline uint64_t read_block(Cursor& cursor, Blocks& blocks, int block) {
  uint16_t bits;
  std::memcpy(&bits, cursor.headers, sizeof bits);
  const BlockHeader header = BlockHeader::of(bits);
  uint64_t mask;
  std::memcpy(&mask, cursor.masks, sizeof mask);
  mask = _bzhi_u64(mask, static_cast<unsigned>(header.mask_bytes) * 8);
  std::memcpy(blocks.masks[block], &mask, sizeof mask);
  uint8_t* const values = blocks.values[block];
  store_two(values, load(cursor.bytes), load(cursor.bytes + 32));
  store_two(values + header.bytes, nibble_values(cursor.nibbles), nibble_values(cursor.nibbles + 16));
  blocks.upper_bytes[block] = cursor.bytes + header.bytes;
  blocks.wide_count[block] = header.wide ? header.bytes : 0;
  cursor.headers += 2;
  cursor.masks += header.mask_bytes;
  cursor.bytes += header.byte_stream();
  cursor.nibbles += header.nibble_stream();
  return static_cast<uint64_t>(_mm_popcnt_u64(mask) ^ (header.bytes + header.nibbles)) | (mask & 1);
}

// Of each byte of four masks: bits set in the bytes before it.
PENSTOCK_AVX2 inline __m256i bits_before(__m256i masks) {
  const __m256i counts = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i low = _mm256_and_si256(masks, _mm256_set1_epi8(15));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(masks, 4), _mm256_set1_epi8(15));
  __m256i sums = _mm256_add_epi8(_mm256_shuffle_epi8(counts, low), _mm256_shuffle_epi8(counts, high));
  sums = _mm256_slli_epi64(sums, 8);
  sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 8));
  sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 16));
  return _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 32));
}

// The blocks `first` <= b < `last`, from index 0 on. False where a mask doesn't agree with its header.
PENSTOCK_AVX2 inline bool read_blocks(const Segment& segment, int first, int last, Blocks& blocks) {
  Segment from = segment;
  from.skip_values_of(first);
  Cursor cursor = {from.headers + 2 * first, from.masks, from.bytes, from.nibbles};
  const int count = last - first;
  uint64_t damage = 0;
  for (int i = 0; i < count; ++i) damage |= read_block(cursor, blocks, i);
  for (int i = count; i < kSegmentBlocks; ++i) {
    std::memset(blocks.masks[i], 0, kEighths);
    blocks.wide_count[i] = 0;
  }
  for (int i = 0; i < kSegmentBlocks; i += 4) store(blocks.skipped[i], bits_before(load(blocks.masks[i])));
  return damage == 0;
}

PENSTOCK_AVX2 inline __m256i signs(__m256i bytes) { return _mm256_cmpgt_epi8(_mm256_setzero_si256(), bytes); }

// The upper bytes of a block's values.
PENSTOCK_AVX2 inline void extend_values(const Blocks& blocks, int block, ValueBytes& upper) {
  const uint8_t* const from = blocks.upper_bytes[block];
  const int wide = blocks.wide_count[block];
  if (wide > 0) store_two(upper, load(from), load(from + 32));
  const uint8_t* const narrow = blocks.values[block] + wide;
  store_two(upper + wide, signs(load(narrow)), signs(load(narrow + 32)));
}

// The DC values of a block and the next one, as the first word of each lane.
PENSTOCK_AVX2 inline __m256i dc_values(const Segment& segment, int block) {
  uint32_t words;
  if (segment.wide_dc) {
    std::memcpy(&words, segment.dc + 2 * block, sizeof words);
  } else {
    uint16_t base;
    std::memcpy(&base, segment.dc, sizeof base);
    const uint8_t* const added = segment.dc + 2 + block;
    words = ((base + added[0]) & 0xFFFFu) | static_cast<uint32_t>(base + added[1]) << 16;
  }
  return _mm256_set_m128i(_mm_cvtsi32_si128(static_cast<int>(words >> 16)),
                          _mm_cvtsi32_si128(static_cast<int>(words & 0xFFFF)));
}

// Bytes of two blocks in zigzag order, each block in one lane.
struct Zigzag {
  __m256i quarters[kQuarters];
};

// From the values of `block`, `lower`, and those of the next one.
PENSTOCK_AVX2 inline Zigzag spread(const Blocks& blocks, int block, const ValueBytes& lower, const ValueBytes& upper,
                                   const ExpandTables& tables) {
  const uint8_t* const skipped = blocks.skipped[block];
  const uint8_t* const masks = blocks.masks[block];
  const auto eighth = [&](int i) PENSTOCK_AVX2 {  // in the lower half of each lane
    const __m256i values = load_lanes(lower + skipped[i], upper + skipped[kEighths + i]);
    return _mm256_shuffle_epi8(values, load_lanes(tables.eighth[masks[i]], tables.eighth[masks[kEighths + i]]));
  };
  Zigzag zigzag;
  for (int i = 0; i < kQuarters; ++i) zigzag.quarters[i] = _mm256_unpacklo_epi64(eighth(2 * i), eighth(2 * i + 1));
  return zigzag;
}

// A quarter of the places.
PENSTOCK_AVX2 inline __m256i arranged(const Zigzag& zigzag, int quarter, const ExpandTables& tables) {
  __m256i places = _mm256_setzero_si256();
  for (int i = 0; i < kQuarters; ++i) {
    const __m256i indices = load(tables.quarter[quarter][i]);
    places = _mm256_or_si256(places, _mm256_shuffle_epi8(zigzag.quarters[i], indices));
  }
  return places;
}

PENSTOCK_AVX2 inline void store_quarter(int16_t* group, int quarter, __m256i lower, __m256i upper, __m256i dc) {
  const __m256i first = _mm256_unpacklo_epi8(lower, upper);
  store(group + quarter * 32, quarter == 0 ? _mm256_or_si256(first, dc) : first);
  store(group + quarter * 32 + 16, _mm256_unpackhi_epi8(lower, upper));
}

// Two blocks, all of whose values are bytes.
PENSTOCK_AVX2 inline void store_narrow(const Blocks& blocks, int block, __m256i dc, const ExpandTables& tables,
                                       int16_t* group) {
  const Zigzag zigzag = spread(blocks, block, blocks.values[block], blocks.values[block + 1], tables);
  for (int quarter = 0; quarter < kQuarters; ++quarter) {
    const __m256i bytes = arranged(zigzag, quarter, tables);
    store_quarter(group, quarter, bytes, signs(bytes), dc);
  }
}

// Two blocks of any values.
PENSTOCK_AVX2 inline void store_wide(const Blocks& blocks, int block, __m256i dc, const ExpandTables& tables,
                                     int16_t* group) {
  ValueBytes upper[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) extend_values(blocks, block + lane, upper[lane]);
  const Zigzag lower_bytes = spread(blocks, block, blocks.values[block], blocks.values[block + 1], tables);
  const Zigzag upper_bytes = spread(blocks, block, upper[0], upper[1], tables);
  for (int quarter = 0; quarter < kQuarters; ++quarter) {
    store_quarter(group, quarter, arranged(lower_bytes, quarter, tables), arranged(upper_bytes, quarter, tables), dc);
  }
}

PENSTOCK_AVX2 bool expand(const Segment& segment, int first, int last, int16_t* groups) {
  const ExpandTables& tables = expand_tables();
  Blocks blocks;
  if (!read_blocks(segment, first, last, blocks)) return false;
  for (int block = first; block < last; block += kLanes, groups += kLanes * kBlockItems) {
    const int i = block - first;
    const __m256i dc = dc_values(segment, block);
    if (segment.wide && blocks.wide_count[i] + blocks.wide_count[i + 1] > 0) {
      store_wide(blocks, i, dc, tables, groups);
    } else {
      store_narrow(blocks, i, dc, tables, groups);
    }
  }
  return true;
}

// --- inverse

PENSTOCK_AVX2 inline __m256i constants(int first, int second) {
  return _mm256_set1_epi32((first & 0xFFFF) | static_cast<int>(static_cast<unsigned>(second) << 16));
}

// Outputs 0 to 7 of one dimension, 32 bits each and before descaling, from the pairs (0,4), (2,6), (1,5), (3,7) of its
// inputs.
PENSTOCK_AVX2 inline void transform(const __m256i pairs[4], int32_t bias, __m256i out[8]) {
  const __m256i rounding = _mm256_set1_epi32(bias);
  const __m256i sum =
      _mm256_add_epi32(rounding, _mm256_madd_epi16(pairs[0], constants(1 << kIdctBits, 1 << kIdctBits)));
  const __m256i difference =
      _mm256_add_epi32(rounding, _mm256_madd_epi16(pairs[0], constants(1 << kIdctBits, -(1 << kIdctBits))));
  const __m256i outer = _mm256_madd_epi16(pairs[1], constants(kEven[0][0], kEven[0][1]));
  const __m256i inner = _mm256_madd_epi16(pairs[1], constants(kEven[1][0], kEven[1][1]));
  static_assert(kEven[3][0] == -kEven[0][0] && kEven[3][1] == -kEven[0][1], "outer");
  static_assert(kEven[2][0] == -kEven[1][0] && kEven[2][1] == -kEven[1][1], "inner");
  const __m256i even[4] = {_mm256_add_epi32(sum, outer), _mm256_add_epi32(difference, inner),
                           _mm256_sub_epi32(difference, inner), _mm256_sub_epi32(sum, outer)};
  for (int k = 0; k < 4; ++k) {
    const __m256i odd = _mm256_add_epi32(_mm256_madd_epi16(pairs[2], constants(kOdd[k][0], kOdd[k][2])),
                                         _mm256_madd_epi16(pairs[3], constants(kOdd[k][1], kOdd[k][3])));
    out[k] = _mm256_add_epi32(even[k], odd);
    out[7 - k] = _mm256_sub_epi32(even[k], odd);
  }
}

// Rows of 4 pairs -> pairs of 4 rows, in each lane.
PENSTOCK_AVX2 inline void transpose(const __m256i rows[4], __m256i pairs[4]) {
  const __m256i low01 = _mm256_unpacklo_epi32(rows[0], rows[1]), low23 = _mm256_unpacklo_epi32(rows[2], rows[3]);
  const __m256i high01 = _mm256_unpackhi_epi32(rows[0], rows[1]), high23 = _mm256_unpackhi_epi32(rows[2], rows[3]);
  pairs[0] = _mm256_unpacklo_epi64(low01, low23);
  pairs[1] = _mm256_unpackhi_epi64(low01, low23);
  pairs[2] = _mm256_unpacklo_epi64(high01, high23);
  pairs[3] = _mm256_unpackhi_epi64(high01, high23);
}

// Pairs of the samples of two columns: their upper 16 bits, less what the second pass has to descale beyond these.
PENSTOCK_AVX2 inline __m256i column_pairs(__m256i first, __m256i second) {
  const __m256i upper = _mm256_blend_epi16(_mm256_srli_epi32(first, 16), second, 0xAA);
  return _mm256_srai_epi16(upper, kSecondShift - 16);
}

// In each lane, bytes of four columns of rows 0 to 3, row by row.
PENSTOCK_AVX2 inline __m256i four_columns(const __m256i columns[4]) {
  const __m256i bytes = _mm256_packus_epi16(column_pairs(columns[0], columns[1]), column_pairs(columns[2], columns[3]));
  return _mm256_shuffle_epi8(
      bytes, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15)));
}

// Two rows of one block in each lane -> both blocks of one row after the other's.
PENSTOCK_AVX2 inline void store_two_rows(__m256i blocks, uint8_t* out, ptrdiff_t stride) {
  const __m256i rows = _mm256_permute4x64_epi64(blocks, 0xD8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(rows));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride), _mm256_extracti128_si256(rows, 1));
}

PENSTOCK_AVX2 void inverse(const int16_t* group, const int16_t* quantization, uint8_t* out, ptrdiff_t stride) {
  __m256i rows[2][8];  // by half of the columns
  for (int half = 0; half < 2; ++half) {
    __m256i pairs[4];
    for (int pair = 0; pair < 4; ++pair) {
      const int at = 2 * pair + half;
      const __m128i quantizers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(quantization + at * 8));
      pairs[pair] = _mm256_mullo_epi16(load(group + at * 16), _mm256_broadcastsi128_si256(quantizers));
    }
    transform(pairs, kFirstBias, rows[half]);
    for (int y = 0; y < 8; ++y) rows[half][y] = _mm256_srai_epi32(rows[half][y], kFirstShift);
  }
  __m256i packed[8];
  for (int y = 0; y < 8; ++y) packed[y] = _mm256_packs_epi32(rows[0][y], rows[1][y]);
  for (int y = 0; y < 8; y += 4) {
    __m256i pairs[4], columns[8];
    transpose(packed + y, pairs);
    transform(pairs, kSecondBias, columns);
    const __m256i left = four_columns(columns), right = four_columns(columns + 4);
    store_two_rows(_mm256_unpacklo_epi32(left, right), out + y * stride, stride);
    store_two_rows(_mm256_unpackhi_epi32(left, right), out + (y + 2) * stride, stride);
  }
}

}  // namespace

const BlockKernels& block_kernels_avx2() {
  static constexpr BlockKernels kKernels = {kLanes, kPairedPlace, expand, inverse};
  return kKernels;
}

}  // namespace penstock

#endif

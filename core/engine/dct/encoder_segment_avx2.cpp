#include "engine/dct/encoder_streams.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS

#include "engine/intrinsics.h"

namespace penstock {
namespace {

constexpr int kQuarters = 4;  // of a block: registers of words, or half registers of bytes
constexpr int kQuarterItems = kBlockItems / kQuarters;

// vpshufb's indices for one quarter of a block in bytes: where its items go in zigzag order.
struct ZigzagShuffles {
  ZigzagShuffles() {
    for (int k = 0; k < kBlockItems; ++k) {
      for (int quarter = 0; quarter < kQuarters; ++quarter) {
        const int place = kNaturalOrder[static_cast<size_t>(k)] - quarter * kQuarterItems;
        const bool inside = place >= 0 && place < kQuarterItems;
        indices[quarter][k] = static_cast<uint8_t>(inside ? place : 0x80);
      }
    }
  }

  alignas(32) uint8_t indices[kQuarters][kBlockItems];
};

// pshufb's indices that bring the bytes with set bits together.
struct CompressShuffles {
  CompressShuffles() {
    for (int mask = 0; mask < 256; ++mask) {
      int count = 0;
      for (int i = 0; i < 8; ++i) {
        if (mask >> i & 1) indices[mask][count++] = static_cast<uint8_t>(i);
      }
      while (count < 8) indices[mask][count++] = 0x80;
    }
  }

  uint8_t indices[256][8];
};

const ZigzagShuffles kZigzagShuffles;
const CompressShuffles kCompressShuffles;

PENSTOCK_AVX2 inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
PENSTOCK_AVX2 inline void store(void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }

// Seldom needed: apart, so that it takes no registers.
PENSTOCK_AVX2 __attribute__((noinline)) bool in_range_avx2(const int16_t* block, const RangeLimits& limits) {
  return in_range(block, *limits.quantization);
}

// The largest sizes of coefficients, and sums of sizes x weights, that some blocks have in each lane.
struct Extent {
  __m256i first;  // of the quarter with DC
  __m256i others;
  __m256i sums;

  PENSTOCK_AVX2 bool surely_in_range() const {
    const __m256i beyond =
        _mm256_subs_epu16(_mm256_max_epu16(first, others), _mm256_set1_epi16(std::min(kMaxDc, kMaxAc)));
    alignas(32) int32_t lanes[8];
    store(lanes, sums);
    int64_t sum = 0;
    for (const int32_t lane : lanes) sum += lane;
    return _mm256_testz_si256(beyond, beyond) != 0 && sum <= kWeightedLimit;
  }

  // All but DC.
  PENSTOCK_AVX2 bool fits_bytes() const {
    const __m256i without_dc = _mm256_insert_epi16(first, 0, 0);
    const __m256i beyond = _mm256_subs_epu16(_mm256_max_epu16(without_dc, others), _mm256_set1_epi16(INT8_MAX));
    return _mm256_testz_si256(beyond, beyond) != 0;
  }
};

PENSTOCK_AVX2 inline Extent extent_of(const int16_t* block, const RangeLimits& limits) {
  Extent extent{_mm256_abs_epi16(load(block)), _mm256_setzero_si256(), _mm256_setzero_si256()};
  extent.sums = _mm256_madd_epi16(extent.first, load(limits.weights.data()));
  for (int i = kQuarterItems; i < kBlockItems; i += kQuarterItems) {
    const __m256i sizes = _mm256_abs_epi16(load(block + i));
    extent.others = _mm256_max_epu16(extent.others, sizes);
    extent.sums = _mm256_add_epi32(extent.sums, _mm256_madd_epi16(sizes, load(limits.weights.data() + i)));
  }
  return extent;
}

PENSTOCK_AVX2 inline Extent extent_of(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits) {
  Extent all = extent_of(blocks[0], limits);
  for (int b = 1; b < count; ++b) {
    const Extent extent = extent_of(blocks[b], limits);
    all = {_mm256_max_epu16(all.first, extent.first), _mm256_max_epu16(all.others, extent.others),
           _mm256_max_epu32(all.sums, extent.sums)};
  }
  return all;
}

// For the few segments that would not be in range if all their largest values were in one block.
PENSTOCK_AVX2 __attribute__((noinline)) bool each_in_range(const int16_t (*blocks)[kBlockItems], int count,
                                                           const RangeLimits& limits) {
  for (int b = 0; b < count; ++b) {
    if (!extent_of(blocks[b], limits).surely_in_range() && !in_range_avx2(blocks[b], limits)) return false;
  }
  return true;
}

// 32 words, which fit, to bytes.
PENSTOCK_AVX2 inline __m256i bytes_of(__m256i first, __m256i second) {
  return _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xD8);
}

// The block in bytes, in zigzag order: its two halves.
PENSTOCK_AVX2 inline void zigzag(const int16_t* block, __m256i (&halves)[2]) {
  halves[0] = halves[1] = _mm256_setzero_si256();
  for (int pair = 0; pair < 2; ++pair) {
    const __m256i bytes = bytes_of(load(block + 32 * pair), load(block + 32 * pair + 16));
    const __m256i quarters[2] = {_mm256_permute4x64_epi64(bytes, 0x44), _mm256_permute4x64_epi64(bytes, 0xEE)};
    for (int i = 0; i < 2; ++i) {
      const uint8_t* const indices = kZigzagShuffles.indices[2 * pair + i];
      for (int half = 0; half < 2; ++half) {
        halves[half] = _mm256_or_si256(halves[half], _mm256_shuffle_epi8(quarters[i], load(indices + 32 * half)));
      }
    }
  }
}

PENSTOCK_AVX2 inline uint64_t mask_of(__m256i first, __m256i second) {
  const uint32_t low = static_cast<uint32_t>(_mm256_movemask_epi8(first));
  return low | static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(second))) << 32;
}

PENSTOCK_AVX2 inline __m256i beyond_nibble(__m256i values) {
  const __m256i above = _mm256_add_epi8(values, _mm256_set1_epi8(8));  // 0 to 16 are inside
  return _mm256_cmpeq_epi8(_mm256_max_epu8(above, _mm256_set1_epi8(17)), above);
}

// Brings the bytes with set bits together, and a zero after them.
PENSTOCK_AVX2 inline void compress(const uint8_t* values, uint64_t mask, uint8_t* out) {
  for (int i = 0; i < kBlockItems; i += 8) {
    const uint8_t bits = static_cast<uint8_t>(mask >> i);
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values + i));
    const __m128i indices = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kCompressShuffles.indices[bits]));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_shuffle_epi8(eight, indices));
    out += __builtin_popcount(bits);
  }
  *out = 0;
}

// Bytes -8 to -1 and 1 to 8 to their codes, two in a word: low + 16 x high.
PENSTOCK_AVX2 inline __m256i nibbles_of(__m256i values) {
  const __m256i positive = _mm256_cmpgt_epi8(values, _mm256_setzero_si256());  // -1 where so
  const __m256i codes = _mm256_and_si256(_mm256_add_epi8(values, positive), _mm256_set1_epi8(15));
  return _mm256_maddubs_epi16(codes, _mm256_set1_epi16(0x1001));
}

PENSTOCK_AVX2 inline void put_nibbles(const uint8_t* values, uint8_t* out) {
  const __m256i words = _mm256_packus_epi16(nibbles_of(load(values)), nibbles_of(load(values + 32)));
  store(out, _mm256_permute4x64_epi64(words, 0xD8));
}

// A block whose values but DC fit bytes.
PENSTOCK_AVX2 inline void pack_narrow(const int16_t* block, SegmentStreams& streams) {
  alignas(32) uint8_t values[kBlockItems];
  alignas(32) uint8_t together[2 * kBlockItems];
  const __m256i zero = _mm256_setzero_si256();
  __m256i halves[2];
  zigzag(block, halves);
  store(values, halves[0]);
  store(values + 32, halves[1]);
  const uint64_t mask = ~mask_of(_mm256_cmpeq_epi8(halves[0], zero), _mm256_cmpeq_epi8(halves[1], zero)) & ~uint64_t{1};
  const uint64_t large = mask_of(beyond_nibble(halves[0]), beyond_nibble(halves[1])) & ~uint64_t{1};
  const BlockHeader header = header_of(mask, up_to_last(large, mask), false);
  compress(values, mask, together);
  put_little_endian(streams.masks, mask);
  store(streams.bytes, load(together));
  store(streams.bytes + 32, load(together + 32));
  put_nibbles(together + header.bytes, streams.nibbles);
  streams.advance(header);
}

}  // namespace

PENSTOCK_AVX2 uint16_t pack_segment_avx2(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits,
                                         uint8_t* out) {
  const Extent extent = extent_of(blocks, count, limits);
  const bool narrow = extent.fits_bytes();
  if (!extent.surely_in_range() && !each_in_range(blocks, count, limits)) return 0;
  return pack_segment(blocks, count, out, [&](const int16_t* block, SegmentStreams& streams) PENSTOCK_AVX2 {
    if (narrow || extent_of(block, limits).fits_bytes()) {
      pack_narrow(block, streams);
    } else {
      pack_block_portable(block, streams);
    }
  });
}

}  // namespace penstock

#endif

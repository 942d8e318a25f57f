#include "engine/dct/encoder_streams.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include "engine/intrinsics.h"

namespace penstock {
namespace {

// Where vpermi2b finds the low (or high) byte of each coefficient of a block in zigzag order.
std::array<uint8_t, kBlockItems> zigzag_bytes(int half) {
  std::array<uint8_t, kBlockItems> places{};
  for (size_t k = 0; k < kBlockItems; ++k) places[k] = static_cast<uint8_t>(2 * kNaturalOrder[k] + half);
  return places;
}

const std::array<uint8_t, kBlockItems> kLowBytes = zigzag_bytes(0), kHighBytes = zigzag_bytes(1);
constexpr uint64_t kAllButDc = ~uint64_t{1};

// A block's 64 coefficients, row by row.
struct Halves {
  __m512i upper;
  __m512i lower;
};

PENSTOCK_AVX512 inline Halves load(const int16_t* block) {
  return {_mm512_loadu_si512(block), _mm512_loadu_si512(block + 32)};
}

// Seldom needed: apart, so that it takes no registers.
PENSTOCK_AVX512 __attribute__((noinline)) bool in_range_avx512(const int16_t* block, const RangeLimits& limits) {
  return in_range(block, *limits.quantization);
}

// The largest sizes of coefficients, and sums of sizes x weights, that some blocks have in each lane.
struct Extent {
  __m512i upper;
  __m512i lower;
  __m512i sums;

  PENSTOCK_AVX512 bool surely_in_range() const {
    const __m512i limit = _mm512_set1_epi16(std::min(kMaxDc, kMaxAc));
    return _mm512_cmpgt_epu16_mask(_mm512_max_epu16(upper, lower), limit) == 0 &&
           _mm512_reduce_add_epi32(sums) <= kWeightedLimit;
  }

  // All but DC.
  PENSTOCK_AVX512 bool fits_bytes() const {
    const __m512i limit = _mm512_set1_epi16(INT8_MAX);
    return (_mm512_cmpgt_epu16_mask(upper, limit) & ~1U) == 0 && _mm512_cmpgt_epu16_mask(lower, limit) == 0;
  }
};

PENSTOCK_AVX512 inline Extent extent_of(const int16_t* source, const RangeLimits& limits) {
  const Halves block = load(source);
  const __m512i upper = _mm512_abs_epi16(block.upper), lower = _mm512_abs_epi16(block.lower);
  const __m512i sums = _mm512_add_epi32(_mm512_madd_epi16(upper, _mm512_loadu_si512(limits.weights.data())),
                                        _mm512_madd_epi16(lower, _mm512_loadu_si512(limits.weights.data() + 32)));
  return {upper, lower, sums};
}

PENSTOCK_AVX512 inline Extent extent_of(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits) {
  Extent all = extent_of(blocks[0], limits);
  for (int b = 1; b < count; ++b) {
    const Extent extent = extent_of(blocks[b], limits);
    all = {_mm512_max_epu16(all.upper, extent.upper), _mm512_max_epu16(all.lower, extent.lower),
           _mm512_max_epu32(all.sums, extent.sums)};
  }
  return all;
}

// For the few segments that would not be in range if all their largest values were in one block.
PENSTOCK_AVX512 __attribute__((noinline)) bool each_in_range(const int16_t (*blocks)[kBlockItems], int count,
                                                             const RangeLimits& limits) {
  for (int b = 0; b < count; ++b) {
    if (!extent_of(blocks[b], limits).surely_in_range() && !in_range_avx512(blocks[b], limits)) return false;
  }
  return true;
}

PENSTOCK_AVX512 inline __m512i zigzag(const Halves& block, const std::array<uint8_t, kBlockItems>& places) {
  return _mm512_maskz_permutex2var_epi8(kAllButDc, block.upper, _mm512_loadu_si512(places.data()), block.lower);
}

// Bytes -8 to -1 and 1 to 8, then zeros, to their codes, two in a byte.
PENSTOCK_AVX512 inline __m512i nibbles_of(__m512i values) {
  const __mmask64 positive = _mm512_cmpgt_epi8_mask(values, _mm512_setzero_si512());
  const __m512i codes =
      _mm512_and_si512(_mm512_mask_sub_epi8(values, positive, values, _mm512_set1_epi8(1)), _mm512_set1_epi8(15));
  return _mm512_maddubs_epi16(codes, _mm512_set1_epi16(0x1001));  // low + 16 x high, in words
}

PENSTOCK_AVX512 inline uint64_t beyond_nibble(__m512i values) {
  return _mm512_cmpgt_epu8_mask(_mm512_add_epi8(values, _mm512_set1_epi8(8)), _mm512_set1_epi8(16));
}

PENSTOCK_AVX512 inline void put_nibbles(__m512i values, uint8_t* out) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi16_epi8(nibbles_of(values)));
}

PENSTOCK_AVX512 inline void pack_any(const int16_t* source, SegmentStreams& streams) {
  const Halves block = load(source);
  const __m512i low = zigzag(block, kLowBytes), high = zigzag(block, kHighBytes), any = _mm512_or_si512(low, high);
  const uint64_t mask = _mm512_test_epi8_mask(any, any);
  const __m512i extended = _mm512_movm_epi8(_mm512_movepi8_mask(low));
  const uint64_t beyond_byte = _mm512_cmpneq_epi8_mask(high, extended);
  const uint64_t byte_mask = up_to_last(beyond_byte | beyond_nibble(low), mask);
  const BlockHeader header = header_of(mask, byte_mask, beyond_byte != 0);
  put_little_endian(streams.masks, mask);
  _mm512_storeu_si512(streams.bytes, _mm512_maskz_compress_epi8(byte_mask, low));
  if (header.wide) _mm512_storeu_si512(streams.bytes + header.bytes, _mm512_maskz_compress_epi8(byte_mask, high));
  put_nibbles(_mm512_maskz_compress_epi8(mask ^ byte_mask, low), streams.nibbles);
  streams.advance(header);
}

// As pack_any, for a block whose values but DC fit bytes.
PENSTOCK_AVX512 inline void pack_narrow(const int16_t* source, SegmentStreams& streams) {
  const __m512i values = zigzag(load(source), kLowBytes);
  const uint64_t mask = _mm512_test_epi8_mask(values, values);
  const uint64_t byte_mask = up_to_last(beyond_nibble(values), mask);
  put_little_endian(streams.masks, mask);
  _mm512_storeu_si512(streams.bytes, _mm512_maskz_compress_epi8(byte_mask, values));
  put_nibbles(_mm512_maskz_compress_epi8(mask ^ byte_mask, values), streams.nibbles);
  streams.advance(header_of(mask, byte_mask, false));
}

}  // namespace

PENSTOCK_AVX512 uint16_t pack_segment_avx512(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits,
                                             uint8_t* out) {
  const Extent extent = extent_of(blocks, count, limits);
  const bool narrow = extent.fits_bytes();
  if (!extent.surely_in_range() && !each_in_range(blocks, count, limits)) return 0;
  if (narrow) {
    return pack_segment(blocks, count, out, [](const int16_t* block, SegmentStreams& streams) PENSTOCK_AVX512 {
      pack_narrow(block, streams);
    });
  }
  return pack_segment(blocks, count, out,
                      [](const int16_t* block, SegmentStreams& streams) PENSTOCK_AVX512 { pack_any(block, streams); });
}

}  // namespace penstock

#endif

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

PENSTOCK_AVX512 inline bool surely_in_range(const Halves& block, const RangeLimits& limits) {
  const __m512i upper = _mm512_abs_epi16(block.upper), lower = _mm512_abs_epi16(block.lower);
  const __m512i limit = _mm512_set1_epi16(std::min(kMaxDc, kMaxAc));
  const __mmask32 beyond = _mm512_cmpgt_epu16_mask(_mm512_max_epu16(upper, lower), limit);
  const __m512i sums = _mm512_add_epi32(_mm512_madd_epi16(upper, _mm512_loadu_si512(limits.weights.data())),
                                        _mm512_madd_epi16(lower, _mm512_loadu_si512(limits.weights.data() + 32)));
  return beyond == 0 && _mm512_reduce_add_epi32(sums) <= kWeightedLimit;
}

PENSTOCK_AVX512 inline __m512i zigzag(const Halves& block, const std::array<uint8_t, kBlockItems>& places) {
  return _mm512_maskz_permutex2var_epi8(kAllButDc, block.upper, _mm512_loadu_si512(places.data()), block.lower);
}

// Bytes -8 to -1 and 1 to 8, then zeros, to their codes, two in a byte.
PENSTOCK_AVX512 inline __m256i nibbles_of(__m512i values) {
  const __mmask64 positive = _mm512_cmpgt_epi8_mask(values, _mm512_setzero_si512());
  const __m512i codes =
      _mm512_and_si512(_mm512_mask_sub_epi8(values, positive, values, _mm512_set1_epi8(1)), _mm512_set1_epi8(15));
  return _mm512_cvtepi16_epi8(_mm512_maddubs_epi16(codes, _mm512_set1_epi16(0x1001)));  // low + 16 x high
}

// Seldom needed: apart, so that it takes no registers.
PENSTOCK_AVX512 __attribute__((noinline)) bool in_range_avx512(const int16_t* block, const RangeLimits& limits) {
  return in_range(block, *limits.quantization);
}

PENSTOCK_AVX512 inline bool pack_block(const int16_t* source, const RangeLimits& limits, SegmentStreams& streams) {
  const Halves block{_mm512_loadu_si512(source), _mm512_loadu_si512(source + 32)};
  if (!surely_in_range(block, limits) && !in_range_avx512(source, limits)) return false;
  const __m512i low = zigzag(block, kLowBytes), high = zigzag(block, kHighBytes);
  const __m512i extended = _mm512_movm_epi8(_mm512_movepi8_mask(low));
  const uint64_t beyond_bytes = _mm512_cmpneq_epi8_mask(high, extended);
  const uint64_t beyond_nibbles =
      beyond_bytes | _mm512_cmpgt_epu8_mask(_mm512_add_epi8(low, _mm512_set1_epi8(8)), _mm512_set1_epi8(16));
  const __m512i any = _mm512_or_si512(low, high);
  const uint64_t mask = _mm512_test_epi8_mask(any, any);
  const uint64_t byte_mask = mask & ((uint64_t{2} << (63 - __builtin_clzll(beyond_nibbles | 1))) - 1);
  const uint64_t nibble_mask = mask ^ byte_mask;

  const bool wide = beyond_bytes != 0;
  const BlockHeader header{wide ? 8 : bytes_of_mask(mask), __builtin_popcountll(byte_mask),
                           __builtin_popcountll(nibble_mask), wide};
  streams.put_header(header);
  streams.put_mask(mask, header.mask_bytes);
  _mm512_storeu_si512(streams.bytes, _mm512_maskz_compress_epi8(byte_mask, low));
  if (wide) _mm512_storeu_si512(streams.bytes + header.bytes, _mm512_maskz_compress_epi8(byte_mask, high));
  streams.bytes += header.byte_stream();
  const __m256i nibbles = nibbles_of(_mm512_maskz_compress_epi8(nibble_mask, low));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(streams.nibbles), nibbles);
  streams.nibbles += header.nibble_stream();
  return true;
}

}  // namespace

PENSTOCK_AVX512 uint16_t pack_segment_avx512(const int16_t (*blocks)[kBlockItems], int count, const RangeLimits& limits,
                                             uint8_t* out) {
  return pack_segment(blocks, count, limits, out,
                      [](const int16_t* block, const RangeLimits& range, SegmentStreams& streams)
                          PENSTOCK_AVX512 { return pack_block(block, range, streams); });
}

}  // namespace penstock

#endif

#include "engine/warp/interpolation_avx512.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include "engine/intrinsics.h"

namespace penstock {
namespace {

// Up to eight pixels.
struct Group {
  __mmask8 mask;
  __m256i places;
  __m512d across;
  __m512d down;
};

PENSTOCK_AVX512 inline Group load_group(const Neighbourhoods& from, int first) {
  const int rest = from.count - first;
  const auto mask = static_cast<__mmask8>(rest < 8 ? (1 << rest) - 1 : 255);
  return {mask, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from.places + first)),
          _mm512_loadu_pd(from.across + first), _mm512_loadu_pd(from.down + first)};
}

// Each lane: a pixel of the packed image and the one to its right.
PENSTOCK_AVX512 inline __m512i load_pairs(const uint32_t* pixels, const Group& group) {
  return _mm512_mask_i32gather_epi64(_mm512_setzero_si512(), group.mask, group.places, pixels, 4);
}

// Byte `kByte` of each lane.
template <int kByte>
PENSTOCK_AVX512 inline __m512i byte_of(__m512i pairs) {
  const __m128i from = _mm_setr_epi8(kByte, -1, -1, -1, -1, -1, -1, -1, 8 + kByte, -1, -1, -1, -1, -1, -1, -1);
  return _mm512_shuffle_epi8(pairs, _mm512_broadcast_i32x4(from));
}

template <int kChannel>
PENSTOCK_AVX512 inline __m512d between_pair(__m512i pairs, __m512d share) {
  const __m512i left = byte_of<kChannel>(pairs), right = byte_of<4 + kChannel>(pairs);
  const __m512d change = _mm512_cvtepi64_pd(_mm512_sub_epi64(right, left));
  return _mm512_add_pd(_mm512_cvtepi64_pd(left), _mm512_mul_pd(change, share));
}

PENSTOCK_AVX512 inline void store(uint8_t* row, __mmask8 mask, __m512d levels) {
  _mm256_mask_cvtepi32_storeu_epi8(row, mask, _mm512_cvttpd_epi32(levels));
}

template <int kChannel>
PENSTOCK_AVX512 inline void store_bilinear(__m512i upper, __m512i lower, const Group& group, uint8_t* row) {
  const __m512d above = between_pair<kChannel>(upper, group.across);
  const __m512d below = between_pair<kChannel>(lower, group.across);
  store(row, group.mask, _mm512_add_pd(above, _mm512_mul_pd(_mm512_sub_pd(below, above), group.down)));
}

}  // namespace

PENSTOCK_AVX512 void bilinear_avx512(const PackedImage& packed, const Neighbourhoods& from, const PlanarRow& row) {
  for (int x = 0; x < from.count; x += 8) {
    const Group group = load_group(from, x);
    const __m512i upper = load_pairs(packed.pixels(), group);
    const __m512i lower = load_pairs(packed.pixels() + packed.stride(), group);
    store_bilinear<0>(upper, lower, group, row.red + x);
    store_bilinear<1>(upper, lower, group, row.green + x);
    store_bilinear<2>(upper, lower, group, row.blue + x);
  }
}

}  // namespace penstock

#endif

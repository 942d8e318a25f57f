#include "engine/pixels/resample_kernels.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include <algorithm>

#include "engine/intrinsics.h"

namespace penstock {
namespace {

constexpr int kLanes = 16;
constexpr __mmask64 kEvenBytes = 0x5555555555555555;

// Where `packed` finds byte x.
struct ByteOrder {
  uint8_t from[64];
};

constexpr ByteOrder make_byte_order() {
  ByteOrder order{};
  for (int x = 0; x < 64; ++x) order.from[x] = static_cast<uint8_t>(x % 16 / 2 * 8 + x / 16 * 2 + x % 2);
  return order;
}

alignas(64) constexpr ByteOrder kByteOrder = make_byte_order();

PENSTOCK_AVX512 inline __m512i load(const void* from) { return _mm512_loadu_si512(from); }

// Two neighbouring taps of 16 outputs as 16-bit pairs; `row` points to the first outputs' first tap of the two.
PENSTOCK_AVX512 inline __m512i gather_taps(const uint8_t* row, __m512i starts) {
  const __m512i bytes = _mm512_i32gather_epi32(starts, row, 1);
  const __m512i first = _mm512_and_si512(bytes, _mm512_set1_epi32(0xFF));
  return _mm512_or_si512(first, _mm512_and_si512(_mm512_slli_epi32(bytes, 8), _mm512_set1_epi32(0xFF0000)));
}

PENSTOCK_AVX512 inline __m512i pick_taps(__m512i piece, __m512i places) {
  return _mm512_maskz_permutexvar_epi8(kEvenBytes, places, piece);
}

struct Sums {
  __m512i above;
  __m512i below;
};

// kPairs is tables.pair_count, all of them in the piece.
template <int kPairs>
struct OnePiece {
  static PENSTOCK_AVX512 void add(Sums& sums, const uint8_t* upper, const uint8_t* lower, const RowTables& tables,
                                  int group, const int32_t* weights) {
    const int base = tables.bases[group];
    const __m512i in_upper = load(upper + base), in_lower = load(lower + base);
    __m512i places = load(tables.places + group * kGroup);
    for (int pair = 0; pair < kPairs; ++pair) {
      const __m512i weight = load(weights + pair * kGroup);
      sums.above = _mm512_dpwssd_epi32(sums.above, pick_taps(in_upper, places), weight);
      sums.below = _mm512_dpwssd_epi32(sums.below, pick_taps(in_lower, places), weight);
      places = _mm512_add_epi8(places, _mm512_set1_epi8(2));
    }
  }
};

// A piece for each pair.
struct ManyPieces {
  static PENSTOCK_AVX512 void add(Sums& sums, const uint8_t* upper, const uint8_t* lower, const RowTables& tables,
                                  int group, const int32_t* weights) {
    const int base = tables.bases[group];
    const __m512i places = load(tables.places + group * kGroup);
    for (int pair = 0; pair < tables.pair_count; ++pair) {
      const int tap = base + 2 * pair;
      const __m512i weight = load(weights + pair * kGroup);
      sums.above = _mm512_dpwssd_epi32(sums.above, pick_taps(load(upper + tap), places), weight);
      sums.below = _mm512_dpwssd_epi32(sums.below, pick_taps(load(lower + tap), places), weight);
    }
  }
};

struct Scattered {
  static PENSTOCK_AVX512 void add(Sums& sums, const uint8_t* upper, const uint8_t* lower, const RowTables& tables,
                                  int group, const int32_t* weights) {
    const __m512i starts = load(tables.starts + group * kGroup);
    for (int pair = 0; pair < tables.pair_count; ++pair) {
      const __m512i weight = load(weights + pair * kGroup);
      sums.above = _mm512_dpwssd_epi32(sums.above, gather_taps(upper + 2 * pair, starts), weight);
      sums.below = _mm512_dpwssd_epi32(sums.below, gather_taps(lower + 2 * pair, starts), weight);
    }
  }
};

template <typename Taps>
PENSTOCK_AVX512 void filter_rows(const uint8_t* upper, const uint8_t* lower, const RowTables& given, int32_t* out) {
  const RowTables tables = given;  // a copy, which stores to `out` can't change
  const int shift = tables.shift;
  const __m512i half = _mm512_set1_epi32((1 << shift) >> 1);
  // The shift is at most 16, so that turning moves no low bit into the upper word.
  const __m512i right = _mm512_set1_epi32(shift), to_upper_word = _mm512_set1_epi32(shift + 16);
  const int32_t* weights = tables.weights;
  for (int group = 0; group < tables.group_count; ++group, weights += tables.pair_count * kGroup) {
    Sums sums = {half, half};
    Taps::add(sums, upper, lower, tables, group, weights);
    const __m512i above = _mm512_srlv_epi32(sums.above, right), below = _mm512_rorv_epi32(sums.below, to_upper_word);
    _mm512_storeu_si512(out + group * kGroup, _mm512_mask_blend_epi16(0xAAAAAAAA, above, below));
  }
}

// SAFETY: a piece is read from the base of its outputs on, so up to 63 bytes past the last input; a gather reads up to
// 2 past it.
PENSTOCK_AVX512 void rows_avx512(const uint8_t* upper, const uint8_t* lower, const RowTables& tables, int32_t* out) {
  const int pair_count = tables.pair_count, in_piece = tables.pairs_in_piece;
  if (in_piece == 0) return filter_rows<Scattered>(upper, lower, tables, out);
  if (pair_count > in_piece || pair_count > 3) return filter_rows<ManyPieces>(upper, lower, tables, out);
  if (pair_count == 1) return filter_rows<OnePiece<1>>(upper, lower, tables, out);
  if (pair_count == 2) return filter_rows<OnePiece<2>>(upper, lower, tables, out);
  filter_rows<OnePiece<3>>(upper, lower, tables, out);
}

// The sums of 64 outputs, shifted to the right, as bytes. Each vector puts its two results of every 8 bytes beside
// those of the ones before it; then they are brought into order.
PENSTOCK_AVX512 inline __m512i packed(const __m512i sums[4], int shift) {
  const __m512i places = _mm512_set1_epi16(static_cast<int16_t>(shift | (shift + 32) << 8));
  __m512i bytes = _mm512_multishift_epi64_epi8(places, sums[0]);
  bytes = _mm512_mask_multishift_epi64_epi8(bytes, 0x0C0C0C0C0C0C0C0C, places, sums[1]);
  bytes = _mm512_mask_multishift_epi64_epi8(bytes, 0x3030303030303030, places, sums[2]);
  bytes = _mm512_mask_multishift_epi64_epi8(bytes, 0xC0C0C0C0C0C0C0C0, places, sums[3]);
  return _mm512_permutexvar_epi8(load(kByteOrder.from), bytes);
}

template <int kPairs>
PENSTOCK_AVX512 void filter_column(const int32_t* const* in, const int32_t* weights, int any_pairs, int shift,
                                   int width, uint8_t* out) {
  const int pair_count = kPairs > 0 ? kPairs : any_pairs;
  const __m512i half = _mm512_set1_epi32((1 << shift) >> 1);
  for (int x = 0; x < width; x += 4 * kGroup) {
    __m512i sums[4] = {half, half, half, half};
    for (int pair = 0; pair < pair_count; ++pair) {
      const __m512i weight = _mm512_set1_epi32(weights[pair]);
      for (int i = 0; i < 4; ++i) sums[i] = _mm512_dpwssd_epi32(sums[i], load(in[pair] + x + i * kGroup), weight);
    }
    const int rest = std::min(width - x, 4 * kGroup);
    _mm512_mask_storeu_epi8(out + x, ~__mmask64{0} >> (64 - rest), packed(sums, shift));
  }
}

// SAFETY: reads whole groups of 64 items; stores are masked.
PENSTOCK_AVX512 void column_avx512(const int32_t* const* in, const int32_t* weights, int pair_count, int shift,
                                   int width, uint8_t* out) {
  if (pair_count == 1) return filter_column<1>(in, weights, pair_count, shift, width, out);
  if (pair_count == 2) return filter_column<2>(in, weights, pair_count, shift, width, out);
  filter_column<0>(in, weights, pair_count, shift, width, out);
}

}  // namespace

const ResampleKernels kResampleAvx512 = {kLanes, rows_avx512, column_avx512};

}  // namespace penstock

#endif

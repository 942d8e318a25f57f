#include "engine/pixels/resample_kernels.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS

#include <cstring>

#include "engine/intrinsics.h"

namespace penstock {
namespace {

constexpr int kLanes = 4;

PENSTOCK_AVX2 inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

PENSTOCK_AVX2 inline __m256i add_products(__m256i sums, __m256i pairs, __m256i weights) {
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, weights));
}

// Two pieces of a row, for four outputs each.
PENSTOCK_AVX2 inline __m256i load_pieces(const uint8_t* row, const int32_t* bases) {
  const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + bases[0]));
  const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + bases[1]));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(left), right, 1);
}

// Two neighbouring taps of 8 outputs as 16-bit pairs.
PENSTOCK_AVX2 inline __m256i gather_taps(const uint8_t* row, __m256i starts) {
  const __m256i bytes = _mm256_i32gather_epi32(reinterpret_cast<const int*>(row), starts, 1);
  const __m256i first = _mm256_and_si256(bytes, _mm256_set1_epi32(0xFF));
  return _mm256_or_si256(first, _mm256_and_si256(_mm256_slli_epi32(bytes, 8), _mm256_set1_epi32(0xFF0000)));
}

struct Sums {
  __m256i above;
  __m256i below;
};

// Adds the taps of 8 outputs, from `output` on, to their sums; `weights` are those of their first pair.
// kPairs is tables.pair_count, all of them in the piece.
template <int kPairs>
struct OnePiece {
  static PENSTOCK_AVX2 void add(Sums& sums, const uint8_t* upper, const uint8_t* lower, const RowTables& tables,
                                int output, const int32_t* weights) {
    const int32_t* const bases = tables.bases + output / kLanes;
    const __m256i in_upper = load_pieces(upper, bases), in_lower = load_pieces(lower, bases);
    __m256i places = load(tables.places + output);
    for (int pair = 0; pair < kPairs; ++pair) {
      const __m256i weight = load(weights + pair * kGroup);
      sums.above = add_products(sums.above, _mm256_shuffle_epi8(in_upper, places), weight);
      sums.below = add_products(sums.below, _mm256_shuffle_epi8(in_lower, places), weight);
      places = _mm256_add_epi8(places, _mm256_set1_epi8(2));
    }
  }
};

// A piece for each pair.
struct ManyPieces {
  static PENSTOCK_AVX2 void add(Sums& sums, const uint8_t* upper, const uint8_t* lower, const RowTables& tables,
                                int output, const int32_t* weights) {
    const int32_t* const bases = tables.bases + output / kLanes;
    const __m256i places = load(tables.places + output);
    for (int pair = 0; pair < tables.pair_count; ++pair) {
      const __m256i weight = load(weights + pair * kGroup);
      const __m256i in_upper = load_pieces(upper + 2 * pair, bases), in_lower = load_pieces(lower + 2 * pair, bases);
      sums.above = add_products(sums.above, _mm256_shuffle_epi8(in_upper, places), weight);
      sums.below = add_products(sums.below, _mm256_shuffle_epi8(in_lower, places), weight);
    }
  }
};

struct Scattered {
  static PENSTOCK_AVX2 void add(Sums& sums, const uint8_t* upper, const uint8_t* lower, const RowTables& tables,
                                int output, const int32_t* weights) {
    const __m256i starts = load(tables.starts + output);
    for (int pair = 0; pair < tables.pair_count; ++pair) {
      const __m256i weight = load(weights + pair * kGroup);
      sums.above = add_products(sums.above, gather_taps(upper + 2 * pair, starts), weight);
      sums.below = add_products(sums.below, gather_taps(lower + 2 * pair, starts), weight);
    }
  }
};

template <typename Taps>
PENSTOCK_AVX2 void filter_rows(const uint8_t* upper, const uint8_t* lower, const RowTables& given, int32_t* out) {
  const RowTables tables = given;  // a copy, which stores to `out` can't change
  const __m256i half = _mm256_set1_epi32((1 << tables.shift) >> 1), right = _mm256_set1_epi32(tables.shift);
  const int32_t* weights = tables.weights;
  for (int group = 0; group < tables.group_count; ++group, weights += tables.pair_count * kGroup) {
    for (int first = 0; first < kGroup; first += 8) {
      const int output = group * kGroup + first;
      Sums sums = {half, half};
      Taps::add(sums, upper, lower, tables, output, weights + first);
      const __m256i above = _mm256_srlv_epi32(sums.above, right), below = _mm256_srlv_epi32(sums.below, right);
      const __m256i words = _mm256_or_si256(above, _mm256_slli_epi32(below, 16));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + output), words);
    }
  }
}

// SAFETY: a piece is read from the base of its outputs on, so up to 15 bytes past the last input; a gather reads up to
// 2 past it.
PENSTOCK_AVX2 void rows_avx2(const uint8_t* upper, const uint8_t* lower, const RowTables& tables, int32_t* out) {
  const int pair_count = tables.pair_count, in_piece = tables.pairs_in_piece;
  if (in_piece == 0) return filter_rows<Scattered>(upper, lower, tables, out);
  if (pair_count > in_piece || pair_count > 3) return filter_rows<ManyPieces>(upper, lower, tables, out);
  if (pair_count == 1) return filter_rows<OnePiece<1>>(upper, lower, tables, out);
  if (pair_count == 2) return filter_rows<OnePiece<2>>(upper, lower, tables, out);
  filter_rows<OnePiece<3>>(upper, lower, tables, out);
}

// The sums of 32 outputs as bytes.
PENSTOCK_AVX2 inline __m256i packed(const __m256i sums[4]) {
  const __m256i words[2] = {_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3])};
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(words[0], words[1]), order);
}

template <int kPairs>
PENSTOCK_AVX2 void filter_column(const int32_t* const* in, const int32_t* weights, int any_pairs, int shift, int width,
                                 uint8_t* out) {
  const int pair_count = kPairs > 0 ? kPairs : any_pairs;
  const __m256i half = _mm256_set1_epi32((1 << shift) >> 1), right = _mm256_set1_epi32(shift);
  for (int x = 0; x < width; x += 32) {
    __m256i sums[4] = {half, half, half, half};
    for (int pair = 0; pair < pair_count; ++pair) {
      const __m256i weight = _mm256_set1_epi32(weights[pair]);
      for (int i = 0; i < 4; ++i) sums[i] = add_products(sums[i], load(in[pair] + x + 8 * i), weight);
    }
    for (__m256i& sum : sums) sum = _mm256_srlv_epi32(sum, right);
    const __m256i bytes = packed(sums);
    if (x + 32 <= width) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), bytes);
    } else {
      std::memcpy(out + x, &bytes, static_cast<size_t>(width - x));
    }
  }
}

// SAFETY: reads whole groups of 32 items, writes nothing beyond `width`.
PENSTOCK_AVX2 void column_avx2(const int32_t* const* in, const int32_t* weights, int pair_count, int shift, int width,
                               uint8_t* out) {
  if (pair_count == 1) return filter_column<1>(in, weights, pair_count, shift, width, out);
  if (pair_count == 2) return filter_column<2>(in, weights, pair_count, shift, width, out);
  filter_column<0>(in, weights, pair_count, shift, width, out);
}

}  // namespace

const ResampleKernels kResampleAvx2 = {kLanes, rows_avx2, column_avx2};

}  // namespace penstock

#endif

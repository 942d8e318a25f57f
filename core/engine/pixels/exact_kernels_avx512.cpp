#include "engine/pixels/exact_kernels.h"

#ifdef PENSTOCK_HAS_AVX512_KERNELS

#include <algorithm>

#include "engine/colour/at_level.h"
#include "engine/intrinsics.h"

namespace penstock {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

PENSTOCK_AVX512 inline __m512i load(const void* from) { return _mm512_loadu_si512(from); }

// By digit, of 16 outputs.
struct DigitSums {
  __m512i sums[kDigits];
};

PENSTOCK_AVX512 inline DigitSums begin_sums() {
  const __m512i zero = _mm512_setzero_si512();
  return {{_mm512_set1_epi32(1 << (kFilterBits - 1)), zero, zero}};
}

// The results, not yet cut off.
PENSTOCK_AVX512 inline __m512i levels_of(const DigitSums& by) {
  const __m512i upper = _mm512_add_epi32(by.sums[1], _mm512_slli_epi32(by.sums[2], 8));
  return _mm512_srai_epi32(_mm512_add_epi32(by.sums[0], _mm512_slli_epi32(upper, 8)), kFilterBits);
}

// Four rows of 64 bytes, four bytes of a column together: columns 4 * k to 4 * k + 3 of every quarter in vector k.
struct Columns {
  __m512i fours[4];
};

PENSTOCK_AVX512 inline Columns columns_of(const __m512i rows[4]) {
  const __m512i low_pairs[2] = {_mm512_unpacklo_epi8(rows[0], rows[1]), _mm512_unpacklo_epi8(rows[2], rows[3])};
  const __m512i high_pairs[2] = {_mm512_unpackhi_epi8(rows[0], rows[1]), _mm512_unpackhi_epi8(rows[2], rows[3])};
  return {{_mm512_unpacklo_epi16(low_pairs[0], low_pairs[1]), _mm512_unpackhi_epi16(low_pairs[0], low_pairs[1]),
           _mm512_unpacklo_epi16(high_pairs[0], high_pairs[1]), _mm512_unpackhi_epi16(high_pairs[0], high_pairs[1])}};
}

template <int kRows, bool kIsWide>
PENSTOCK_AVX512 PENSTOCK_INLINE inline void weigh_piece(const uint8_t* rows, ptrdiff_t stride, const Piece& piece,
                                                        const PieceQuad* quads, __m128i* bytes) {
  const __mmask64 first = _bzhi_u64(kAll, static_cast<unsigned>(piece.span) + 1);
  const __mmask64 second = piece.span < 64 ? 0 : _bzhi_u64(kAll, static_cast<unsigned>(piece.span) - 63);
  __m512i lower[kRows], upper[kRows];
  DigitSums by_row[kRows];
  for (int row = 0; row < kRows; ++row) {
    const uint8_t* const from = rows + row * stride + piece.base;
    lower[row] = _mm512_maskz_loadu_epi8(first, from);
    if (kIsWide) upper[row] = _mm512_maskz_loadu_epi8(second, from + 64);
    by_row[row] = begin_sums();
  }
  for (int number = 0; number < piece.quads; ++number) {
    const PieceQuad& quad = quads[number];
    const __m512i offsets = load(quad.offsets);
    for (int row = 0; row < kRows; ++row) {
      const __m512i taps = kIsWide ? _mm512_permutex2var_epi8(lower[row], offsets, upper[row])
                                   : _mm512_permutexvar_epi8(offsets, lower[row]);
      for (int digit = 0; digit < kDigits; ++digit) {
        __m512i& sums = by_row[row].sums[digit];
        sums = _mm512_dpbusd_epi32(sums, taps, load(quad.digits[digit]));
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    bytes[row] = _mm512_cvtusepi32_epi8(_mm512_max_epi32(levels_of(by_row[row]), _mm512_setzero_si512()));
  }
}

template <int kRows, bool kIsWide>
PENSTOCK_AVX512 void weigh_pieces(const uint8_t* rows, ptrdiff_t stride, const PieceTable& table, uint8_t* out) {
  const PieceQuad* quads = table.quads;
  for (int x = 0; x < table.count; x += kPieceOutputs, quads += table.most_quads) {
    __m128i bytes[kRows];
    weigh_piece<kRows, kIsWide>(rows, stride, table.pieces[x / kPieceOutputs], quads, bytes);
    const auto rest = static_cast<unsigned>(std::min(table.count - x, kPieceOutputs));
    const auto mask = static_cast<__mmask16>(_bzhi_u32(0xFFFF, rest));
    for (int row = 0; row < kRows; ++row) {
      _mm_mask_storeu_epi8(out + static_cast<ptrdiff_t>(row) * table.count + x, mask, bytes[row]);
    }
  }
}

template <bool kIsWide>
PENSTOCK_AVX512 void weigh_all_pieces(const uint8_t* rows, ptrdiff_t stride, int count, const PieceTable& table,
                                      uint8_t* out) {
  constexpr int kTogether = 4;
  const ptrdiff_t width = table.count;
  int y = 0;
  for (; y + kTogether <= count; y += kTogether) {
    weigh_pieces<kTogether, kIsWide>(rows + y * stride, stride, table, out + y * width);
  }
  for (; y < count; ++y) weigh_pieces<1, kIsWide>(rows + y * stride, stride, table, out + y * width);
}

}  // namespace

// SAFETY: rows are read in whole strips; a tap beyond the last repeats that, with no weight. Stores are masked.
PENSTOCK_AVX512 void weigh_rows_avx512(const WeighedRows& from, const DigitQuad* quads, int length, uint8_t* out) {
  for (int x = 0; x < length; x += kStrip) {
    DigitSums by_column[4] = {begin_sums(), begin_sums(), begin_sums(), begin_sums()};
    for (int tap = 0; tap < from.taps; tap += 4) {
      __m512i rows[4];
      for (int i = 0; i < 4; ++i) rows[i] = load(from.rows + std::min(tap + i, from.taps - 1) * from.stride + x);
      const Columns columns = columns_of(rows);
      for (int digit = 0; digit < kDigits; ++digit) {
        const __m512i weights = _mm512_set1_epi32(quads[tap / 4].digits[digit]);
        for (int i = 0; i < 4; ++i) {
          __m512i& sums = by_column[i].sums[digit];
          sums = _mm512_dpbusd_epi32(sums, columns.fours[i], weights);
        }
      }
    }
    const __m512i left = _mm512_packs_epi32(levels_of(by_column[0]), levels_of(by_column[1]));
    const __m512i right = _mm512_packs_epi32(levels_of(by_column[2]), levels_of(by_column[3]));
    const auto rest = static_cast<unsigned>(std::min(length - x, kStrip));
    _mm512_mask_storeu_epi8(out + x, _bzhi_u64(kAll, rest), _mm512_packus_epi16(left, right));
  }
}

// SAFETY: loads and stores are masked.
PENSTOCK_AVX512 void weigh_pieces_avx512(const uint8_t* rows, ptrdiff_t stride, int count, const PieceTable& table,
                                         uint8_t* out) {
  if (table.most_span < 64) {
    weigh_all_pieces<false>(rows, stride, count, table, out);
  } else {
    weigh_all_pieces<true>(rows, stride, count, table, out);
  }
}

}  // namespace penstock

#endif

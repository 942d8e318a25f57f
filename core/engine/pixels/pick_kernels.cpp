#include "engine/pixels/pick_kernels.h"

#include <algorithm>

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include "engine/intrinsics.h"
#endif

namespace penstock {
namespace {

constexpr int kLeastLanes = 8;

// What a level takes at once.
struct Reach {
  int lanes;  // outputs, at most
  int piece;  // bytes
};

Reach reach_of(SimdLevel level) {
  if (level >= SimdLevel::kAvx512) return {64, 128};
  return level >= SimdLevel::kAvx2 ? Reach{16, 32} : Reach{0, 0};
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: takes whole groups, and returns how many outputs it wrote. Reads 32 bytes from each group's base on.
PENSTOCK_AVX2 int pick_avx2(const uint8_t* row, const PickTable& table, uint8_t* out) {
  // Shuffles give 0 where the highest bit of an offset is set.
  const __m128i beyond_first = _mm_set1_epi8(0x70), second = _mm_set1_epi8(16);
  int done = 0;
  for (int group = 0; done + table.lanes <= table.count; ++group, done += table.lanes) {
    const __m128i* const piece = reinterpret_cast<const __m128i*>(row + table.bases[group]);
    const __m128i offsets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.offsets + done));
    const __m128i lower = _mm_shuffle_epi8(_mm_loadu_si128(piece), _mm_add_epi8(offsets, beyond_first));
    const __m128i upper = _mm_shuffle_epi8(_mm_loadu_si128(piece + 1), _mm_sub_epi8(offsets, second));
    const __m128i picked = _mm_or_si128(lower, upper);
    __m128i* const to = reinterpret_cast<__m128i*>(out + done);
    table.lanes == 16 ? _mm_storeu_si128(to, picked) : _mm_storel_epi64(to, picked);
  }
  return done;
}

#endif

#ifdef PENSTOCK_HAS_AVX512_KERNELS

// SAFETY: loads and stores are masked, but for whole vectors of offsets, which there are.
PENSTOCK_AVX512 int pick_avx512(const uint8_t* row, const PickTable& table, uint8_t* out) {
  constexpr uint64_t kAll = ~uint64_t{0};
  for (int group = 0, done = 0; done < table.count; ++group, done += table.lanes) {
    const uint8_t* const piece = row + table.bases[group];
    const auto span = static_cast<unsigned>(table.spans[group]);
    const __m512i lower = _mm512_maskz_loadu_epi8(_bzhi_u64(kAll, span + 1), piece);
    const __m512i upper = _mm512_maskz_loadu_epi8(span < 64 ? 0 : _bzhi_u64(kAll, span - 63), piece + 64);
    const __m512i picked = _mm512_permutex2var_epi8(lower, _mm512_loadu_si512(table.offsets + done), upper);
    const auto rest = static_cast<unsigned>(std::min(table.lanes, table.count - done));
    _mm512_mask_storeu_epi8(out + done, _bzhi_u64(kAll, rest), picked);
  }
  return table.count;
}

#endif

}  // namespace

void PickGroups::build(SimdLevel level, const int32_t* places, int count) {
  table_ = {count, places, 0, nullptr, nullptr, nullptr};
  const Reach reach = reach_of(level);
  int lanes = reach.lanes;
  while (lanes >= kLeastLanes && !group(lanes, reach.piece)) lanes /= 2;
  if (lanes >= kLeastLanes) table_.lanes = lanes;
}

// Whether groups of so many outputs lie in pieces of so many bytes each; makes the groups then.
bool PickGroups::group(int lanes, int piece) {
  const int count = table_.count, group_count = (count + lanes - 1) / lanes;
  int32_t* const bases = bases_.reserve(static_cast<size_t>(group_count));
  int32_t* const spans = spans_.reserve(static_cast<size_t>(group_count));
  uint8_t* const offsets = offsets_.reserve(static_cast<size_t>(count) + kReadAhead);
  for (int number = 0; number < group_count; ++number) {
    const int first = number * lanes, last = std::min(first + lanes, count) - 1;
    const auto [base, end] = std::minmax(table_.places[first], table_.places[last]);
    if (end - base >= piece) return false;
    bases[number] = base;
    spans[number] = end - base;
    for (int i = first; i <= last; ++i) offsets[i] = static_cast<uint8_t>(table_.places[i] - base);
  }
  table_.bases = bases;
  table_.spans = spans;
  table_.offsets = offsets;
  return true;
}

void pick(SimdLevel level, const uint8_t* row, const PickTable& table, uint8_t* out) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (table.lanes > 0 && level >= SimdLevel::kAvx512) {
    done = pick_avx512(row, table, out);
  } else if (table.lanes > 0 && level >= SimdLevel::kAvx2) {
    done = pick_avx2(row, table, out);
  }
#endif
  static_cast<void>(level);
  for (; done < table.count; ++done) out[done] = row[table.places[done]];
}

}  // namespace penstock

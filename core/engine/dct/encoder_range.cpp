#include "engine/dct/encoder_range.h"

#include <algorithm>

namespace penstock {
namespace {

// The constants of jidctint.c, x 2^13.
constexpr int kFractionBits = 13;
constexpr int kFirstPassBits = 2;
constexpr int64_t kFix0298 = 2446, kFix0390 = 3196, kFix0541 = 4433, kFix0765 = 6270, kFix0899 = 7373, kFix1175 = 9633,
                  kFix1501 = 12299, kFix1847 = 15137, kFix1961 = 16069, kFix2053 = 16819, kFix2562 = 20995,
                  kFix3072 = 25172;

bool fits_16_bits(int64_t value) { return value >= INT16_MIN && value <= INT16_MAX; }

// One dimension of jidctint.c's inverse DCT, on items `step` apart. False where a sum that the SIMD versions keep in 16
// bits doesn't fit.
bool transform(int64_t* items, int step, int shift) {
  const auto in = [items, step](int i) { return items[i * step]; };
  const int64_t z3 = in(7) + in(3), z4 = in(5) + in(1);
  const bool fits = fits_16_bits(in(0) + in(4)) && fits_16_bits(in(0) - in(4)) && fits_16_bits(z3) && fits_16_bits(z4);

  const int64_t even = (in(2) + in(6)) * kFix0541;
  const int64_t even2 = even - in(6) * kFix1847, even3 = even + in(2) * kFix0765;
  const int64_t sum = (in(0) + in(4)) * (1 << kFractionBits), difference = (in(0) - in(4)) * (1 << kFractionBits);
  const std::array<int64_t, 4> evens = {sum + even3, difference + even2, difference - even2, sum - even3};

  const int64_t z5 = (z3 + z4) * kFix1175;
  const int64_t z1 = -(in(7) + in(1)) * kFix0899, z2 = -(in(5) + in(3)) * kFix2562;
  const int64_t z3_rotated = z5 - z3 * kFix1961, z4_rotated = z5 - z4 * kFix0390;
  const std::array<int64_t, 4> odds = {in(1) * kFix1501 + z1 + z4_rotated, in(3) * kFix3072 + z2 + z3_rotated,
                                       in(5) * kFix2053 + z2 + z4_rotated, in(7) * kFix0298 + z1 + z3_rotated};

  const int64_t half = int64_t{1} << (shift - 1);
  for (size_t i = 0; i < 4; ++i) {
    items[static_cast<int>(i) * step] = (evens[i] + odds[i] + half) >> shift;
    items[static_cast<int>(7 - i) * step] = (evens[i] - odds[i] + half) >> shift;
  }
  return fits;
}

}  // namespace

// Coefficient (u, v) changes no sample by more than |value| / 8, times sqrt(2) for each of u and v that is not 0: the
// weights are in 32nds of that, rounded up. They are cut to 16 bits, which is far over the limit already.
std::array<int16_t, kBlockItems> range_weights(const Quantization& quantization) {
  std::array<int16_t, kBlockItems> weights;
  for (int i = 0; i < kBlockItems; ++i) {
    const int scale = i == 0 ? 4 : i < kBlockSide || i % kBlockSide == 0 ? 6 : 8;
    weights[i] = static_cast<int16_t>(std::min(quantization[i] * scale, INT16_MAX));
  }
  return weights;
}

bool in_range(const int16_t* block, const Quantization& quantization) {
  if (block[0] < kMinDc || block[0] > kMaxDc) return false;
  std::array<int64_t, kBlockItems> items;
  bool fits = true;
  for (int i = 0; i < kBlockItems; ++i) {
    fits &= i == 0 || (block[i] >= -kMaxAc && block[i] <= kMaxAc);
    items[i] = int64_t{block[i]} * quantization[i];
    fits &= fits_16_bits(items[i]);
  }
  for (int x = 0; x < kBlockSide; ++x) fits &= transform(&items[x], kBlockSide, kFractionBits - kFirstPassBits);
  for (const int64_t item : items) fits &= fits_16_bits(item);
  for (int y = 0; y < kBlockSide; ++y) {
    fits &= transform(&items[y * kBlockSide], 1, kFractionBits + kFirstPassBits + 3);
  }
  for (const int64_t item : items) fits &= item >= -512 && item <= 511;
  return fits;
}

}  // namespace penstock

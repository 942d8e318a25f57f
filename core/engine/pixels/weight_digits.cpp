#include "engine/pixels/weight_digits.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace penstock {
namespace {

// Byte k is digit k. All weights are far below 2 (in units of 2^kFilterBits), the most that three digits hold.
uint32_t digits_of(int32_t weight) {
  constexpr uint32_t kHalves = 0x808080;
  return (static_cast<uint32_t>(weight) + kHalves) ^ kHalves;
}

int quads_of(int taps) { return (taps + 3) / 4; }

}  // namespace

void StackedDigits::build(const FilterWeights& weights) {
  most_quads_ = 0;
  for (int i = 0; i < weights.count(); ++i) most_quads_ = std::max(most_quads_, quads_of(weights.taps(i)));
  const size_t quad_count = static_cast<size_t>(weights.count()) * most_quads_;
  DigitQuad* quads = quads_.reserve(quad_count);
  std::fill_n(quads, quad_count, DigitQuad{});
  for (int i = 0; i < weights.count(); ++i, quads += most_quads_) {
    for (int tap = 0; tap < weights.taps(i); ++tap) {
      const uint32_t digits = digits_of(weights.weights(i)[tap]);
      for (int digit = 0; digit < kDigits; ++digit) {
        quads[tap / 4].digits[digit] |= static_cast<int32_t>((digits >> 8 * digit & 255) << tap % 4 * 8);
      }
    }
  }
}

bool PieceDigits::build(const FilterWeights& weights) {
  if (!find_pieces(weights)) return false;
  const int piece_count = (weights.count() + kPieceOutputs - 1) / kPieceOutputs;
  const size_t quad_count = static_cast<size_t>(piece_count) * table_.most_quads;
  PieceQuad* const quads = quads_.reserve(quad_count);
  std::memset(quads, 0, quad_count * sizeof(PieceQuad));
  table_.quads = quads;
  for (int number = 0; number < piece_count; ++number) fill(weights, number);
  return true;
}

bool PieceDigits::find_pieces(const FilterWeights& weights) {
  const int count = weights.count();
  Piece* const pieces = pieces_.reserve(static_cast<size_t>(count) / kPieceOutputs + 1);
  table_ = {count, 0, 0, pieces, nullptr};
  for (int first = 0; first < count; first += kPieceOutputs) {
    int base = weights.start(first), end = base, taps = 0;
    for (int i = first; i < std::min(first + kPieceOutputs, count); ++i) {
      base = std::min(base, weights.start(i));
      end = std::max(end, weights.start(i) + weights.taps(i));
      taps = std::max(taps, weights.taps(i));
    }
    if (end - base > kPieceBytes) return false;
    pieces[first / kPieceOutputs] = {base, end - base - 1, quads_of(taps)};
    table_.most_quads = std::max(table_.most_quads, quads_of(taps));
    table_.most_span = std::max(table_.most_span, end - base - 1);
  }
  return true;
}

void PieceDigits::fill(const FilterWeights& weights, int number) {
  const int first = number * kPieceOutputs, last = std::min(first + kPieceOutputs, weights.count());
  PieceQuad* const quads = quads_.get() + static_cast<size_t>(number) * table_.most_quads;
  for (int i = first; i < last; ++i) {
    const int offset = weights.start(i) - table_.pieces[number].base;
    for (int tap = 0; tap < weights.taps(i); ++tap) {
      PieceQuad& quad = quads[tap / 4];
      const int place = 4 * (i - first) + tap % 4;
      const uint32_t digits = digits_of(weights.weights(i)[tap]);
      quad.offsets[place] = static_cast<uint8_t>(offset + tap);
      for (int digit = 0; digit < kDigits; ++digit)
        quad.digits[digit][place] = static_cast<int8_t>(digits >> 8 * digit);
    }
  }
}

}  // namespace penstock

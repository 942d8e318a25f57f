// Weights of Pillow's filters as vector units multiply them with bytes, four taps at a time (vpdpbusd): each is the sum
// of three signed digits times 1, 2^8 and 2^16, so that three sums of products give Pillow's, modulo 2^32, in every
// bit.
#pragma once

#include <cstdint>

#include "engine/pixels/filter_weights.h"
#include "engine/scratch.h"

namespace penstock {

constexpr int kDigits = 3;

// Four taps of one output: byte k of a digit is tap k's.
struct DigitQuad {
  int32_t digits[kDigits];
};

// For sums of whole rows: what every output is made of lies in the same columns.
class StackedDigits {
 public:
  void build(const FilterWeights& weights);

  // As many as hold the output's taps; taps that it has not weigh nothing.
  const DigitQuad* quads(int output) const { return quads_.get() + static_cast<size_t>(output) * most_quads_; }

 private:
  int most_quads_ = 0;
  Scratch<DigitQuad> quads_;
};

// Neighbouring outputs that are made together.
constexpr int kPieceOutputs = 16;

// Four taps of each of these outputs: byte 4 * i + k of a vector is tap k of output i.
struct PieceQuad {
  uint8_t offsets[4 * kPieceOutputs];  // from the beginning of the piece
  int8_t digits[kDigits][4 * kPieceOutputs];
};

// The part of a row that such outputs are made of.
struct Piece {
  int base;
  int span;  // how far behind the base its last byte lies
  int quads;
};

struct PieceTable {
  int count;  // of outputs
  int most_quads;
  int most_span;
  const Piece* pieces;
  const PieceQuad* quads;  // most_quads of them for each piece
};

// For sums along the rows.
class PieceDigits {
 public:
  static constexpr int kPieceBytes = 128;

  // Whether every piece has at most kPieceBytes; there is a table then.
  bool build(const FilterWeights& weights);

  const PieceTable& table() const { return table_; }

 private:
  bool find_pieces(const FilterWeights& weights);
  void fill(const FilterWeights& weights, int number);

  PieceTable table_{};
  Scratch<Piece> pieces_;
  Scratch<PieceQuad> quads_;
};

}  // namespace penstock

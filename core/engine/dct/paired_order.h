// The order of a group's coefficients that the vector units with products of pairs want.
#pragma once

#include "engine/dct/block_kernels.h"

namespace penstock {

// Each block is a 128-bit lane of every register. A register holds one pair of rows of the coefficients, interleaved as
// pmaddwd and vpdpwssd take them, and half of the columns, in the order in which the second pass wants its pairs:
//
//   register 2 * pair + half    pairs of rows: (0,4) (2,6) (1,5) (3,7)    halves: columns 0 4 2 6, columns 1 5 3 7
//
// So the first pass needs no shuffles; packing both halves of an output row gives its columns as
// (0,4) (2,6) (1,5) (3,7), and one transpose of 4x4 pairs gives the same pairs of columns for the second pass.
constexpr int kPairedRegisters = 8;
constexpr int kPairedRows[4][2] = {{0, 4}, {2, 6}, {1, 5}, {3, 7}};

constexpr std::array<uint8_t, kBlockItems> make_paired_place() {
  std::array<uint8_t, kBlockItems> place{};
  for (int r = 0; r < kPairedRegisters; ++r) {
    for (int word = 0; word < 8; ++word) {
      const int row = kPairedRows[r / 2][word % 2], column = kPairedRows[r % 2 * 2 + word / 4][word / 2 % 2];
      place[static_cast<size_t>(row * kBlockSide + column)] = static_cast<uint8_t>(r * 8 + word);
    }
  }
  return place;
}

constexpr std::array<uint8_t, kBlockItems> kPairedPlace = make_paired_place();

}  // namespace penstock

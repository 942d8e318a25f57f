// Huffman codes of baseline JPEGs (ITU-T T.81, annexes C and F), as tables to decode with.
#pragma once

#include <array>
#include <cstdint>

namespace penstock {

// A code as a DHT segment gives it: how many code words there are of 1, 2 ... 16 bits, and their symbols in order.
struct HuffmanCode {
  std::array<uint8_t, 16> counts = {};
  std::array<uint8_t, 256> symbols = {};
  int symbol_count = 0;
};

enum class SymbolKind { kDc, kAc };

// What a code word means: the coefficients to step over, and the bits that follow it with the coefficient's value.
// Packed, so that a shift by the word itself (modulo 64) shifts by the bits of code word and value.
struct HuffmanEntry {
  static constexpr int kEndOfBlock = 128;  // as run; more than a block can hold
  static constexpr int kNotHere = 255;     // as run: a longer code word than the table has, or none

  static constexpr uint32_t of(int code_bits, int value_bits, int run) {
    return static_cast<uint32_t>(code_bits + value_bits) | static_cast<uint32_t>(code_bits) << 8 |
           static_cast<uint32_t>(63 - value_bits) << 16 | static_cast<uint32_t>(run) << 24;
  }
  static constexpr int bits(uint32_t entry) { return entry & 63; }
  static constexpr int code_bits(uint32_t entry) { return entry >> 8 & 63; }
  static constexpr int value_shift(uint32_t entry) { return entry >> 16 & 63; }  // 63 - bits of the value
  static constexpr int run(uint32_t entry) { return static_cast<int>(entry >> 24); }
};

class HuffmanTable {
 public:
  static constexpr int kLookupBits = 10;

  // False for codes that are no prefix code or that have symbols which plain baseline files don't use.
  bool build(const HuffmanCode& code, SymbolKind kind);

  // By the next kLookupBits bits.
  const uint32_t* entries() const { return entries_.data(); }

  // Up to two code words at once, for stepping over AC coefficients, by the next kLookupBits bits: the bits of both and
  // of their values, and, as `run`, all the coefficients that they stand for, plus kEndOfBlock if the block ends there.
  void build_steps();
  const uint32_t* steps() const { return steps_.data(); }

  // The entry of the code word that begins the next 16 bits; its run is kNotHere if there is none.
  uint32_t find(uint32_t next_16_bits) const;

 private:
  std::array<uint32_t, 1 << kLookupBits> entries_;
  std::array<uint32_t, 1 << kLookupBits> steps_;
  std::array<uint32_t, 17> limits_;  // of each length: the first 16 bits, as a number, that are beyond its code words
  std::array<int, 17> offsets_;      // of each length: from code word to position among all code words
  std::array<uint32_t, 256> by_position_;
};

}  // namespace penstock

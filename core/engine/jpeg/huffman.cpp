#include "engine/jpeg/huffman.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr int kMaxCodeBits = 16;
constexpr int kMaxDcBits = 11;  // of a value, where samples have 8 bits (ITU-T T.81, tables F.1 and F.2)
constexpr int kMaxAcBits = 10;
constexpr int kZeroRun = 0xF0;
constexpr uint32_t kNone = HuffmanEntry::of(0, 0, HuffmanEntry::kNotHere);

bool is_plain(uint8_t symbol, SymbolKind kind) {
  if (kind == SymbolKind::kDc) return symbol <= kMaxDcBits;
  const int value_bits = symbol & 15;
  return value_bits == 0 ? symbol == 0 || symbol == kZeroRun : value_bits <= kMaxAcBits;
}

uint32_t entry_of(uint8_t symbol, int code_bits, SymbolKind kind) {
  if (kind == SymbolKind::kDc) return HuffmanEntry::of(code_bits, symbol, 0);
  return HuffmanEntry::of(code_bits, symbol & 15, symbol == 0 ? HuffmanEntry::kEndOfBlock : symbol >> 4);
}

}  // namespace

bool HuffmanTable::build(const HuffmanCode& code, SymbolKind kind) {
  entries_.fill(kNone);
  uint32_t next = 0;  // code word
  int position = 0;
  for (int bits = 1; bits <= kMaxCodeBits; ++bits, next *= 2) {
    const int count = code.counts[bits - 1];
    if (position + count > code.symbol_count || next + count >= 1u << bits) return false;
    offsets_[bits] = position - static_cast<int>(next);
    for (const int end = position + count; position < end; ++position, ++next) {
      const uint8_t symbol = code.symbols[position];
      if (!is_plain(symbol, kind)) return false;
      const uint32_t entry = by_position_[position] = entry_of(symbol, bits, kind);
      if (bits > kLookupBits) continue;
      const int spare = kLookupBits - bits;
      std::fill_n(entries_.begin() + (next << spare), size_t{1} << spare, entry);
    }
    limits_[bits] = next << (kMaxCodeBits - bits);
  }
  return position == code.symbol_count;
}

void HuffmanTable::build_steps() {
  constexpr uint32_t kMask = (1u << kLookupBits) - 1;
  for (uint32_t index = 0; index <= kMask; ++index) {
    const uint32_t first = entries_[index];
    int bits = HuffmanEntry::bits(first), run = HuffmanEntry::run(first);
    if (run < HuffmanEntry::kEndOfBlock) {
      ++run;
      const uint32_t second = bits < kLookupBits ? entries_[index << bits & kMask] : kNone;
      const bool whole = bits + HuffmanEntry::code_bits(second) <= kLookupBits;
      if (whole && second != kNone) {
        bits += HuffmanEntry::bits(second);
        run += HuffmanEntry::run(second);
        if (HuffmanEntry::run(second) != HuffmanEntry::kEndOfBlock) ++run;
      }
    }
    steps_[index] = HuffmanEntry::of(bits, 0, run);
  }
}

uint32_t HuffmanTable::find(uint32_t next_16_bits) const {
  for (int bits = 1; bits <= kMaxCodeBits; ++bits) {
    if (next_16_bits < limits_[bits]) {
      const int code_word = static_cast<int>(next_16_bits >> (kMaxCodeBits - bits));
      return by_position_[offsets_[bits] + code_word];
    }
  }
  return kNone;
}

}  // namespace penstock

#include "engine/jpeg/baseline_scan.h"

#include <cstdlib>
#include <cstring>

#include "engine/dct/encoder_range.h"
#include "engine/jpeg/jpeg_segments.h"

namespace penstock {
namespace {

// An MCU's bits are checked to be there after it was read: 10 blocks of 64 code words of 16 bits and values of 11.
constexpr size_t kSlack = 10 * 64 * 27 / 8 + 64;

using Bits = BaselineScan::Bits;
using Component = BaselineScan::Component;
using State = BaselineScan::State;

#define PENSTOCK_INLINE inline __attribute__((always_inline))

PENSTOCK_INLINE uint64_t load_big_endian(const uint8_t* data) {
  uint64_t value;
  std::memcpy(&value, data, sizeof value);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value;
}

// 56 bits or more, which is enough for two code words with their values.
PENSTOCK_INLINE void refill(Bits& bits) {
  const uint32_t count = bits.count & 63;
  bits.window |= load_big_endian(bits.next) >> count;
  bits.next += (63 - count) >> 3;
  bits.count = count | 56;
}

PENSTOCK_INLINE void consume(Bits& bits, uint32_t entry) {
  bits.window <<= entry & 63;
  bits.count -= entry;
}

PENSTOCK_INLINE uint32_t look_up(const Bits& bits, const uint32_t* entries) {
  return entries[bits.window >> (64 - HuffmanTable::kLookupBits)];
}

struct Value {
  uint64_t magnitude;
  int64_t sign;  // 0, or -1: negative
  int value() const { return static_cast<int>((static_cast<int64_t>(magnitude) ^ sign) - sign); }
};

// The value that follows the code word of `entry` (ITU-T T.81, F.2.2.1: negative ones are stored less by one).
PENSTOCK_INLINE Value value_after(const Bits& bits, uint32_t entry) {
  const int64_t shifted = static_cast<int64_t>(bits.window << HuffmanEntry::code_bits(entry));
  const int64_t sign = ~(shifted >> 63);
  const uint64_t magnitude = static_cast<uint64_t>(shifted ^ sign) >> 1 >> HuffmanEntry::value_shift(entry);
  return {magnitude, sign};
}

// The difference of a block's DC coefficient to the one before. False if there is none.
PENSTOCK_INLINE bool read_dc(Bits& bits, Component& component) {
  uint32_t entry = look_up(bits, component.dc_table->entries());
  if (__builtin_expect(HuffmanEntry::run(entry) != 0, 0)) {
    entry = component.dc_table->find(static_cast<uint32_t>(bits.window >> 48));
    if (HuffmanEntry::run(entry) != 0) return false;
  }
  component.prediction += value_after(bits, entry).value();
  consume(bits, entry);
  return component.prediction == static_cast<int16_t>(component.prediction);
}

enum class Progress { kMore, kDone, kBad };

// Reads one AC code word, with position k as the next; `put` gets the coefficient.
template <typename Put>
PENSTOCK_INLINE Progress read_coefficient(Bits& bits, const HuffmanTable& table, int& k, Put put) {
  uint32_t entry = look_up(bits, table.entries());
  int at = k + HuffmanEntry::run(entry);
  if (__builtin_expect(at >= kBlockItems, 0)) {
    if (HuffmanEntry::run(entry) == HuffmanEntry::kNotHere)
      entry = table.find(static_cast<uint32_t>(bits.window >> 48));
    at = k + HuffmanEntry::run(entry);
    if (at >= kBlockItems) {
      consume(bits, entry);
      return HuffmanEntry::run(entry) == HuffmanEntry::kEndOfBlock ? Progress::kDone : Progress::kBad;
    }
  }
  put(at, value_after(bits, entry));
  consume(bits, entry);
  k = at + 1;
  return __builtin_expect(k < kBlockItems, 1) ? Progress::kMore : Progress::kDone;
}

// Reads AC coefficients from position k on. The bits suffice for one code word.
template <typename Put>
PENSTOCK_INLINE bool read_ac(Bits& bits, const HuffmanTable& table, int k, Put put) {
  for (;;) {
    Progress progress = read_coefficient(bits, table, k, put);
    if (progress != Progress::kMore) return progress == Progress::kDone;
    refill(bits);
    progress = read_coefficient(bits, table, k, put);
    if (progress != Progress::kMore) return progress == Progress::kDone;
  }
}

// Steps over one entry's AC coefficients, with position k as the next.
PENSTOCK_INLINE Progress skip_coefficients(Bits& bits, const HuffmanTable& table, int& k) {
  const uint32_t entry = look_up(bits, table.steps());
  const int next = k + HuffmanEntry::run(entry);
  if (__builtin_expect(next >= kBlockItems, 0)) {
    const bool ended = next >= HuffmanEntry::kEndOfBlock && next < HuffmanEntry::kEndOfBlock + kBlockItems;
    // Otherwise not all code words of the entry belong to this block, or the first one is not in the table.
    if (!ended && next != kBlockItems) {
      refill(bits);
      return read_ac(bits, table, k, [](int, Value) {}) ? Progress::kDone : Progress::kBad;
    }
    consume(bits, entry);
    return Progress::kDone;
  }
  consume(bits, entry);
  k = next;
  return Progress::kMore;
}

PENSTOCK_INLINE bool skip_block(Bits& bits, Component& component) {
  refill(bits);
  if (!read_dc(bits, component)) return false;
  int k = 1;
  for (;;) {
    Progress progress = skip_coefficients(bits, *component.ac_table, k);
    if (progress != Progress::kMore) return progress == Progress::kDone;
    refill(bits);
    progress = skip_coefficients(bits, *component.ac_table, k);
    if (progress != Progress::kMore) return progress == Progress::kDone;
  }
}

__attribute__((noinline)) bool block_in_range(const int16_t* block, const State& state, const Component& component) {
  std::array<int16_t, kBlockItems> values;
  for (int k = 0; k < kBlockItems; ++k) values[kNaturalOrder[k]] = block[state.places[k]];
  return in_range(values.data(), *component.quantization);
}

// `block` is its lane of a group.
PENSTOCK_INLINE bool decode_block(const State& state, Bits& bits, Component& component, int16_t* block) {
  refill(bits);
  if (!read_dc(bits, component)) return false;
  block[state.places[0]] = static_cast<int16_t>(component.prediction);
  uint64_t sum = static_cast<uint64_t>(std::abs(component.prediction)) * component.weights[0];
  const auto put = [&](int k, Value value) {
    block[state.places[k]] = static_cast<int16_t>(value.value());
    sum += value.magnitude * component.weights[k];
  };
  if (!read_ac(bits, *component.ac_table, 1, put)) return false;
  return __builtin_expect(sum <= kWeightedLimit, 1) || block_in_range(block, state, component);
}

PENSTOCK_INLINE bool skip_mcus(State& state, Bits& bits, int count) {
  for (; count > 0; --count) {
    for (int c = 0; c < state.component_count; ++c) {
      Component& component = state.components[c];
      for (int blocks = component.horizontal * component.vertical; blocks > 0; --blocks) {
        if (!skip_block(bits, component)) return false;
      }
    }
    if (bits.next - (bits.count & 63) / 8 > state.end) return false;
  }
  return true;
}

PENSTOCK_INLINE bool decode_mcus(State& state, Bits& bits, int first, int last) {
  const int lane_mask = (1 << state.lane_bits) - 1;
  for (int m = first; m < last; ++m) {
    for (int c = 0; c < state.component_count; ++c) {
      Component& component = state.components[c];
      const BlockTarget& target = component.target;
      for (int v = 0; v < component.vertical; ++v) {
        for (int h = 0; h < component.horizontal; ++h) {
          const int column = m * component.horizontal + h - target.first_block;
          const ptrdiff_t group = ptrdiff_t{column >> state.lane_bits} << state.lane_bits;
          int16_t* const block =
              target.groups + v * target.stride + group * kBlockItems + (column & lane_mask) * kBlockSide;
          if (!decode_block(state, bits, component, block)) return false;
        }
      }
    }
    if (bits.next - (bits.count & 63) / 8 > state.end) return false;
  }
  return true;
}

PENSTOCK_INLINE bool read_mcus(State& state, int first, int last) {
  Bits bits = state.bits;
  const bool fine = skip_mcus(state, bits, first) && decode_mcus(state, bits, first, last) &&
                    skip_mcus(state, bits, state.mcus - last);
  state.bits = bits;
  return fine;
}

bool read_portable(State& state, int first, int last) { return read_mcus(state, first, last); }

#ifdef PENSTOCK_HAS_AVX2_KERNELS
// For the shifts of BMI2.
PENSTOCK_AVX2 bool read_avx2(State& state, int first, int last) { return read_mcus(state, first, last); }
#endif

bool equal(const HuffmanCode& a, const HuffmanCode& b) {
  return a.counts == b.counts && a.symbols == b.symbols && a.symbol_count == b.symbol_count;
}

}  // namespace

bool BaselineScan::start(const BaselineHeader& header, Bytes data, SimdLevel level, const BlockKernels& layout) {
  const size_t begin = std::min(header.scan, data.size);
  if (!copy_unstuffed({data.data + begin, data.size - begin})) return false;
  state_.components = components_.data();
  state_.component_count = header.frame.component_count;
  state_.mcus = header.mcus_in_row();
  state_.lane_bits = __builtin_ctz(static_cast<unsigned>(layout.lanes));
  for (int k = 0; k < kBlockItems; ++k) {
    const int place = layout.place[kNaturalOrder[k]];
    state_.places[k] = static_cast<uint16_t>(place / 8 * layout.lanes * 8 + place % 8);
  }
  read_ = read_portable;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if (level >= SimdLevel::kAvx2) read_ = read_avx2;
#endif
  return make_tables(header);
}

bool BaselineScan::read_row(int first, int last) { return read_(state_, first, last); }

// Up to the first marker, which must be the image's end.
bool BaselineScan::copy_unstuffed(Bytes scan) {
  uint8_t* out = data_.reserve(scan.size + kSlack);
  state_.bits = {out, 0, 0};
  const uint8_t* const end = scan.data + scan.size;
  for (const uint8_t* at = scan.data; at < end;) {
    const void* const found = std::memchr(at, 0xFF, static_cast<size_t>(end - at));
    if (found == nullptr) return false;
    const uint8_t* const marker = static_cast<const uint8_t*>(found) + 1;
    if (marker == end) return false;
    const uint8_t kind = *marker;
    const size_t bytes = static_cast<size_t>(marker - at) - (kind == 0 ? 0 : 1);
    std::memcpy(out, at, bytes);
    out += bytes;
    at = marker + 1;
    if (kind == 0) continue;
    state_.end = out;
    std::memset(out, 0, kSlack);
    return kind == kEoi;
  }
  return false;
}

bool BaselineScan::make_tables(const BaselineHeader& header) {
  for (int c = 0; c < header.frame.component_count; ++c) {
    const DctComponent& from = header.frame.components[c];
    Component& component = components_[c];
    int dc = 0, ac = 0;
    while (dc < c && !equal(header.dc[dc], header.dc[c])) ++dc;
    while (ac < c && !equal(header.ac[ac], header.ac[c])) ++ac;
    if (dc == c && !dc_tables_[c].build(header.dc[c], SymbolKind::kDc)) return false;
    if (ac == c) {
      if (!ac_tables_[c].build(header.ac[c], SymbolKind::kAc)) return false;
      ac_tables_[c].build_steps();
    }
    component.dc_table = &dc_tables_[dc];
    component.ac_table = &ac_tables_[ac];
    component.horizontal = from.horizontal;
    component.vertical = from.vertical;
    component.prediction = 0;
    component.quantization = &from.quantization;
    const auto weights = range_weights(from.quantization);
    for (int k = 0; k < kBlockItems; ++k) component.weights[k] = static_cast<uint16_t>(weights[kNaturalOrder[k]]);
  }
  return true;
}

}  // namespace penstock

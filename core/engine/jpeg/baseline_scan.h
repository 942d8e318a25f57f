// The entropy-coded data of a plain baseline JPEG.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/dct/kernels.h"
#include "engine/geometry.h"
#include "engine/jpeg/baseline_header.h"
#include "engine/jpeg/huffman.h"
#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {

// Where the coefficients of one component's blocks go, in an MCU row: groups of `lanes` blocks (dct/kernels.h).
struct BlockTarget {
  int16_t* groups = nullptr;  // zeros
  int first_block = 0;        // column of the first one's lane 0, a multiple of `lanes`
  ptrdiff_t stride = 0;       // coefficients from a row of blocks to the next
};

// Reads MCU rows from the top. Whatever is not plainly valid makes it give up; nothing that it wrote is worth anything
// then. Reusable; not thread-safe.
class BaselineScan {
 public:
  // Copies the data, without stuffing, and makes the tables. False if the next marker is not the image's end, or the
  // tables are not plain. `header` must stay valid. `level` as for kernels; the groups are those of `layout`.
  bool start(const BaselineHeader& header, Bytes data, SimdLevel level, const BlockKernels& layout);

  // The next MCU row: MCUs first <= m < last are decoded, the others stepped over. False at bad data, and at blocks on
  // which implementations of the inverse DCT disagree (SPEC.md, 9.5).
  bool read_row(int first, int last);

  // After the last MCU row: whether no byte of the data is left.
  bool at_end() const { return state_.bits.next - (state_.bits.count & 63) / 8 == state_.end; }

  void set_target(int component, BlockTarget target) { components_[static_cast<size_t>(component)].target = target; }

  // The next 64 bits of the data, and what follows them.
  struct Bits {
    const uint8_t* next;  // byte that `window` has not, at least in part
    uint64_t window;      // the next bit is the highest
    uint32_t count;       // bits that are sure to be there, modulo 64
  };

  struct Component {
    const HuffmanTable* dc_table;
    const HuffmanTable* ac_table;
    int horizontal;
    int vertical;
    int prediction;                             // of the next DC coefficient
    std::array<uint16_t, kBlockItems> weights;  // range_weights in zigzag order
    const std::array<uint16_t, kBlockItems>* quantization;
    BlockTarget target;
  };

  struct State {
    Bits bits;
    const uint8_t* end;  // of the data; kSlack zeros follow
    int component_count;
    int mcus;
    int lane_bits;                             // log2 of lanes
    std::array<uint16_t, kBlockItems> places;  // of zigzag coefficients, from lane 0 of the group they are in
    Component* components;
  };

 private:
  bool copy_unstuffed(Bytes scan);
  bool make_tables(const BaselineHeader& header);

  State state_;
  std::array<Component, kMaxComponents> components_;
  std::array<HuffmanTable, kMaxComponents> dc_tables_, ac_tables_;
  bool (*read_)(State& state, int first, int last) = nullptr;
  Scratch<uint8_t> data_;
};

}  // namespace penstock

// Plain baseline JPEGs, or regions of them, decoded without libjpeg: whoever is not sure about one leaves it to that.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/dct/kernels.h"
#include "engine/dct/sample_planes.h"
#include "engine/geometry.h"
#include "engine/jpeg/baseline_header.h"
#include "engine/jpeg/baseline_scan.h"
#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {

// Reusable, with all the memory that it works in; not thread-safe.
class BaselineDecoder {
 public:
  // Whether this decoder may be able to decode the file, which has passed read_jpeg_header. If so, libjpeg accepts its
  // header.
  bool open(Bytes data) { return header_.parse(data); }

  const BaselineHeader& header() const { return header_; }

  // The pixels of `region`, inside the image that was opened, equal to cutting libjpeg-turbo's whole decode
  // (JDCT_ISLOW, fancy upsampling) bit for bit; nullopt where the data are not plainly valid up to the last MCU row
  // that the region depends on, or no EOI marker ends them. `data` are those that were opened. The result belongs to
  // the decoder, until its next call; kReadAhead bytes after each plane may be read.
  std::optional<Planes> decode(Bytes data, Rect region);

 private:
  // The MCU columns first <= m < last that the region depends on.
  struct Columns {
    int first;
    int last;
  };

  Columns columns_for() const;
  void prepare(Rect region);
  void place_groups(Columns columns);
  void invert(int component, int mcu_row);

  BaselineHeader header_;
  BaselineScan scan_;
  SamplePlanes planes_;
  const BlockKernels* kernels_ = nullptr;
  alignas(64) std::array<std::array<int16_t, kBlockItems>, kMaxComponents> quantization_;  // by place
  std::array<BlockTarget, kMaxComponents> targets_;
  int16_t* groups_ = nullptr;
  size_t group_items_ = 0;
  Scratch<int16_t> memory_;
};

}  // namespace penstock

// Pixels of any rectangle of a dct record.
#pragma once

#include <array>
#include <cstdint>

#include "engine/dct/kernels.h"
#include "engine/dct/record.h"
#include "engine/dct/sample_planes.h"
#include "engine/geometry.h"

namespace penstock {

// Rows of MCUs: first <= row < last.
struct RowRange {
  int first;
  int last;
};

// The MCU rows that `region`, inside the image, depends on: its own, and the neighbours that fancy upsampling looks at.
RowRange rows_for(const DctFrame& frame, Rect region);

// Reusable, with all the memory that it works in; not thread-safe.
class DctDecoder {
 public:
  // The pixels of `region`, equal to cutting libjpeg-turbo's whole decode (JDCT_ISLOW, fancy upsampling) bit for bit.
  // `rows` are the record's bytes from row_offset(range.first) to row_offset(range.last), range = rows_for(frame,
  // region), and 64 readable bytes after them. They are checked against their CRCs if `check`. The result belongs to
  // the decoder, until its next call; kReadAhead bytes after each plane may be read. Throws Error (kDecode, kChecksum).
  Planes decode(const DctHead& head, Bytes rows, Rect region, bool check);

 private:
  void decode_mcu_row(const DctFrame& frame, int mcu_row, Bytes row);
  bool decode_segment(int component, int block_row, int first_block, const Segment& segment);

  SamplePlanes planes_;
  const BlockKernels* kernels_ = nullptr;
  alignas(64) std::array<std::array<int16_t, kBlockItems>, kMaxComponents> quantization_;  // by place
};

}  // namespace penstock

// The head of a dct record: its frame, and where each MCU row lies (SPEC.md, 9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/dct/frame.h"
#include "engine/dct/segment.h"
#include "engine/geometry.h"

namespace penstock {

constexpr size_t kDctFixedHead = 64;
constexpr size_t kDctAlignment = 64;  // of the first MCU row
// Most heads fit in this many bytes: what a reader asks for first.
constexpr size_t kDctUsualHead = 2048;
constexpr size_t kMaxDctHead = kDctFixedHead + 3 * 128 + (kMaxJpegSide / kBlockSide + 2) * 8 + 64;

// Reusable. Nothing of it refers to the bytes it was read from.
class DctHead {
 public:
  // Bytes of the whole head, from its first kDctFixedHead bytes. Throws Error (kDecode, kTruncated).
  static size_t size_of(Bytes start);

  // Reads a whole head of a record of `record_bytes`, and checks it: CRC, every field, that rows follow each other and
  // end inside the record. Throws Error (kDecode, kTruncated, kChecksum).
  void parse(Bytes head, size_t record_bytes);

  const DctFrame& frame() const { return frame_; }

  // MCU row r lies at row_offset(r), up to row_offset(r + 1).
  size_t row_offset(int row) const { return offsets_[static_cast<size_t>(row)]; }
  uint32_t row_crc32c(int row) const { return checksums_[static_cast<size_t>(row)]; }

  // The source's APPn and COM segments, with their markers, at the record's end.
  size_t metadata_offset() const { return offsets_.back(); }
  size_t metadata_bytes() const { return metadata_bytes_; }
  uint32_t metadata_crc32c() const { return metadata_crc32c_; }

  // The checksum of the whole record, if all of it is as the head says: tells whether it is the one that is meant.
  uint32_t record_crc32c() const;

 private:
  void read_rows(const uint8_t* table, size_t head_bytes);

  DctFrame frame_;
  std::vector<uint32_t> offsets_;
  std::vector<uint32_t> checksums_;
  uint32_t head_crc32c_ = 0;  // of all of its bytes
  size_t metadata_bytes_ = 0;
  uint32_t metadata_crc32c_ = 0;
};

// Segments of one block row.
inline int segments_across(const DctComponent& component) {
  return (component.blocks.width + kSegmentBlocks - 1) / kSegmentBlocks;
}

// Number of segments of an MCU row: of each component, of each of its block rows, in this order.
int segments_in(const DctFrame& frame, int mcu_row);

// Block rows of a component that an MCU row has: first and count.
struct BlockRows {
  int first;
  int count;
};
BlockRows block_rows_of(const DctComponent& component, int mcu_row);

}  // namespace penstock

#include "engine/dct/decoder.h"

#include <algorithm>
#include <climits>
#include <string>

#include "engine/checksum/crc32c.h"
#include "engine/error.h"
#include "engine/little_endian.h"

namespace penstock {
namespace {

[[noreturn]] void refuse_row(int mcu_row, const char* what) {
  throw Error(Fault::kDecode, "damaged dct record: MCU row " + std::to_string(mcu_row) + ": " + what +
                                  "; restore the file, or pack the dataset again");
}

}  // namespace

RowRange rows_for(const DctFrame& frame, Rect region) {
  RowRange range{INT_MAX, 0};
  for (int c = 0; c < frame.component_count; ++c) {
    const Rect blocks = blocks_for(frame, c, region, 1);
    const int vertical = frame.components[c].vertical;
    range.first = std::min(range.first, blocks.y / vertical);
    range.last = std::max(range.last, (blocks.y + blocks.height - 1) / vertical + 1);
  }
  return range;
}

Planes DctDecoder::decode(const DctHead& head, Bytes rows, Rect region, bool check) {
  const DctFrame& frame = head.frame();
  kernels_ = &block_kernels(simd_level());
  planes_.prepare(frame, region, kernels_->lanes);
  for (int c = 0; c < frame.component_count; ++c) {
    for (size_t i = 0; i < kBlockItems; ++i) {
      quantization_[c][kernels_->place[i]] = static_cast<int16_t>(frame.components[c].quantization[i]);
    }
  }
  const RowRange range = rows_for(frame, region);
  const size_t start = head.row_offset(range.first);
  if (rows.size != head.row_offset(range.last) - start) {
    throw Error(Fault::kTruncated, "expected " + std::to_string(head.row_offset(range.last) - start) +
                                       " bytes of MCU rows, got " + std::to_string(rows.size) +
                                       "; restore the file, or pack the dataset again");
  }
  for (int row = range.first; row < range.last; ++row) {
    const size_t from = head.row_offset(row) - start, to = head.row_offset(row + 1) - start;
    const Bytes bytes{rows.data + from, to - from};
    if (check && crc32c(bytes, 0) != head.row_crc32c(row)) {
      throw Error(Fault::kChecksum, "MCU row " + std::to_string(row) +
                                        " of the dct record is damaged: its CRC-32C differs; restore the file, or pack "
                                        "the dataset again");
    }
    decode_mcu_row(frame, row, bytes);
    planes_.finish_mcu_row(row);
  }
  return planes_.pixels();
}

void DctDecoder::decode_mcu_row(const DctFrame& frame, int mcu_row, Bytes row) {
  const size_t entries = static_cast<size_t>(segments_in(frame, mcu_row));
  size_t at = 2 * entries;
  if (row.size < at) refuse_row(mcu_row, "it ends inside its table of segments");
  const uint8_t* entry = row.data;
  for (int c = 0; c < frame.component_count; ++c) {
    const DctComponent& component = frame.components[c];
    const Rect& wanted = planes_.blocks(c);
    const BlockRows block_rows = block_rows_of(component, mcu_row);
    for (int y = block_rows.first; y < block_rows.first + block_rows.count; ++y) {
      const bool wanted_row = y >= wanted.y && y < wanted.y + wanted.height;
      for (int x = 0; x < component.blocks.width; x += kSegmentBlocks, entry += 2) {
        const uint16_t bits = u16_at(entry);
        const size_t length = bits & kSegmentLength;
        if (length > row.size - at) refuse_row(mcu_row, "a segment reaches beyond its end");
        if (wanted_row && x < wanted.x + wanted.width && x + kSegmentBlocks > wanted.x) {
          Segment segment;
          const int blocks = std::min(kSegmentBlocks, component.blocks.width - x);
          if (!segment.parse(row.data + at, bits, blocks) || !decode_segment(c, y, x, segment)) {
            refuse_row(mcu_row, "the blocks of a segment don't agree with its length or with their masks");
          }
        }
        at += length;
      }
    }
  }
  if (at != row.size) refuse_row(mcu_row, "its segments don't add up to its length");
}

bool DctDecoder::decode_segment(int component, int block_row, int first_block, const Segment& segment) {
  const Rect& wanted = planes_.blocks(component);
  const int lanes = kernels_->lanes;
  const int first = std::max(0, wanted.x - first_block);
  const int last = std::min(segment.blocks, wanted.x + wanted.width - first_block);
  alignas(64) int16_t groups[kSegmentBlocks * kBlockItems];
  if (!kernels_->expand(segment, first, last, groups)) return false;
  for (int block = first; block < last; block += lanes) {
    kernels_->inverse(groups + (block - first) * kBlockItems, quantization_[component].data(),
                      planes_.at(component, block_row, first_block + block), planes_.stride(component));
  }
  return true;
}

}  // namespace penstock

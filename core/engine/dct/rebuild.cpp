#include <algorithm>
#include <optional>
#include <string>

#include "engine/checksum/crc32c.h"
#include "engine/dct/encoder.h"
#include "engine/dct/encoder_source.h"
#include "engine/dct/rebuild_blocks.h"
#include "engine/dct/rebuild_writer.h"
#include "engine/dct/record.h"
#include "engine/error.h"
#include "engine/jpeg/jpeg_segments.h"
#include "engine/little_endian.h"

namespace penstock {
namespace {

constexpr const char* kRemedy = "; restore the file, or pack the dataset again";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::kDecode, "damaged dct record: " + what + kRemedy);
}

void check_crc(Bytes bytes, uint32_t expected, const std::string& what) {
  if (crc32c(bytes) == expected) return;
  throw Error(Fault::kChecksum, what + " of the dct record is damaged: its CRC-32C differs" + kRemedy);
}

// The blocks of one MCU row, in their order.
class RowReader {
 public:
  // `table_bytes` come before the first segment. DctHead has seen to it that a row is long enough for them.
  RowReader(Bytes row, size_t table_bytes)
      : entry_(row.data), segment_(row.data + table_bytes), end_(row.data + row.size) {}

  // The next block row.
  void read(int blocks_across, JBLOCKROW blocks) {
    for (int x = 0; x < blocks_across; x += kSegmentBlocks, entry_ += 2) {
      const uint16_t entry = u16_at(entry_);
      const ptrdiff_t length = entry & kSegmentLength;
      if (length > end_ - segment_) refuse("a segment reaches beyond its MCU row");
      Segment segment;
      if (!segment.parse(segment_, entry, std::min(kSegmentBlocks, blocks_across - x))) {
        refuse("a segment's headers and DC values don't agree with its length");
      }
      unpack_segment(segment, blocks + x);
      segment_ += length;
    }
  }

  void close() const {
    if (segment_ != end_) refuse("the lengths of segments don't add up to that of their MCU row");
  }

 private:
  const uint8_t* entry_;
  const uint8_t* segment_;
  const uint8_t* end_;
};

void write_row(const DctFrame& frame, int mcu_row, Bytes row, JpegWriter& writer) {
  RowReader reader(row, 2 * static_cast<size_t>(segments_in(frame, mcu_row)));
  for (int c = 0; c < frame.component_count; ++c) {
    const BlockRows rows = block_rows_of(frame.components[c], mcu_row);
    for (int y = rows.first; y < rows.first + rows.count; ++y) {
      reader.read(frame.components[c].blocks.width, writer.row(c, y));
    }
  }
  reader.close();
}

// The payload of the next segment, which must be metadata, and its marker.
Bytes next_metadata(JpegSegments& segments, uint8_t& marker) {
  std::optional<Bytes> payload;
  try {
    marker = segments.next_marker();
    if (is_metadata(marker)) payload = segments.next_segment();
  } catch (const Error& error) {
    if (error.fault() != Fault::kTruncated) throw;
  }
  if (!payload) refuse("its metadata are not a row of APPn and COM segments");
  return *payload;
}

void write_metadata(Bytes metadata, JpegWriter& writer) {
  JpegSegments segments(metadata, 0);
  for (size_t at = 0; at < metadata.size;) {
    uint8_t marker = 0;
    const Bytes payload = next_metadata(segments, marker);
    writer.write_segment(marker, payload);
    at = static_cast<size_t>(payload.data + payload.size - metadata.data);
  }
}

}  // namespace

std::vector<uint8_t> rebuild_jpeg(Bytes record) {
  DctHead head;
  const size_t head_bytes = DctHead::size_of(record);
  head.parse({record.data, std::min(head_bytes, record.size)}, record.size);
  const Bytes metadata{record.data + head.metadata_offset(), head.metadata_bytes()};
  check_crc(metadata, head.metadata_crc32c(), "the metadata");

  JpegWriter writer(head.frame());
  writer.start();
  write_metadata(metadata, writer);
  for (int mcu_row = 0; mcu_row < head.frame().mcu_rows; ++mcu_row) {
    const size_t begin = head.row_offset(mcu_row), end = head.row_offset(mcu_row + 1);
    const Bytes row{record.data + begin, end - begin};
    check_crc(row, head.row_crc32c(mcu_row), "MCU row " + std::to_string(mcu_row));
    write_row(head.frame(), mcu_row, row, writer);
  }
  std::vector<uint8_t> jpeg = writer.finish();
  if (JpegCoefficients({jpeg.data(), jpeg.size()}).read_color() != head.frame().color) {
    refuse("its colour is not what its metadata and identifiers mean");
  }
  return jpeg;
}

}  // namespace penstock

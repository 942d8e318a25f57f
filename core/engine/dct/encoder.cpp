#include "engine/dct/encoder.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "engine/checksum/crc32c.h"
#include "engine/dct/encoder_rows.h"
#include "engine/dct/encoder_segment.h"
#include "engine/dct/encoder_source.h"
#include "engine/dct/record.h"
#include "engine/dct/table_choice.h"
#include "engine/error.h"
#include "engine/jpeg/jpeg.h"
#include "engine/jpeg/jpeg_header.h"
#include "engine/rounding.h"

namespace penstock {
namespace {

constexpr size_t kCrcOffset = 60;

// A growing sequence of little-endian fields.
class HeadWriter {
 public:
  void u8(size_t value) { bytes_.push_back(static_cast<uint8_t>(value)); }
  void u16(size_t value) {
    u8(value);
    u8(value >> 8);
  }
  void u32(size_t value) {
    u16(value);
    u16(value >> 16);
  }
  void zeros_up_to(size_t size) { bytes_.resize(size); }

  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class RecordWriter {
 public:
  explicit RecordWriter(const DctFrame& frame) : frame_(frame), tables_(frame) {}

  // False where a coefficient is out of range, or `coefficients` have no more rows.
  bool write_rows(CoefficientRows& coefficients, size_t expected_bytes);
  std::vector<uint8_t> finish(const std::vector<uint8_t>& metadata);

 private:
  size_t head_bytes() const;
  bool pack_row(CoefficientRows& coefficients, int mcu_row);
  bool pack_block_row(const Block* blocks, const DctComponent& component, const RangeLimits& limits);
  void write_fixed_head(HeadWriter& head, const std::vector<uint8_t>& metadata) const;

  const DctFrame& frame_;
  TableChoice tables_;
  const PackSegment pack_ = segment_packer(simd_level());
  std::vector<RangeLimits> limits_;
  std::vector<uint8_t> record_;
  std::vector<size_t> offsets_;
  std::vector<uint32_t> checksums_;
  std::unique_ptr<uint8_t[]> row_;  // the MCU row at work
  uint8_t* entry_ = nullptr;        // in its table of segments
  uint8_t* segment_ = nullptr;
};

size_t RecordWriter::head_bytes() const {
  const size_t tables = tables_.tables.size() * kBlockItems * tables_.quantizer_bytes;
  const size_t rows = static_cast<size_t>(frame_.mcu_rows);
  return rounded_up(kDctFixedHead + tables + 4 * (2 * rows + 1), kDctAlignment);
}

bool RecordWriter::write_rows(CoefficientRows& coefficients, size_t expected_bytes) {
  for (int c = 0; c < frame_.component_count; ++c) limits_.emplace_back(frame_.components[c].quantization);
  const size_t segments = static_cast<size_t>(segments_in(frame_, 0));
  row_.reset(new uint8_t[segments * (2 + kMaxSegmentBytes) + kSegmentRoom]);
  record_.reserve(head_bytes() + expected_bytes);
  record_.resize(head_bytes());
  for (int mcu_row = 0; mcu_row < frame_.mcu_rows; ++mcu_row) {
    if (!coefficients.next() || !pack_row(coefficients, mcu_row)) return false;
    offsets_.push_back(record_.size());
    checksums_.push_back(crc32c({row_.get(), static_cast<size_t>(segment_ - row_.get())}));
    record_.insert(record_.end(), row_.get(), segment_);
  }
  offsets_.push_back(record_.size());
  return true;
}

bool RecordWriter::pack_row(CoefficientRows& coefficients, int mcu_row) {
  entry_ = row_.get();
  segment_ = row_.get() + 2 * segments_in(frame_, mcu_row);
  for (int c = 0; c < frame_.component_count; ++c) {
    const DctComponent& component = frame_.components[c];
    const BlockRows rows = block_rows_of(component, mcu_row);
    for (int y = rows.first; y < rows.first + rows.count; ++y) {
      if (!pack_block_row(coefficients.row(c, y), component, limits_[c])) return false;
    }
  }
  return true;
}

bool RecordWriter::pack_block_row(const Block* blocks, const DctComponent& component, const RangeLimits& limits) {
  for (int x = 0; x < component.blocks.width; x += kSegmentBlocks) {
    const int count = std::min(kSegmentBlocks, component.blocks.width - x);
    const uint16_t entry = pack_(blocks + x, count, limits, segment_);
    if (entry == 0) return false;
    entry_[0] = static_cast<uint8_t>(entry);
    entry_[1] = static_cast<uint8_t>(entry >> 8);
    entry_ += 2;
    segment_ += entry & kSegmentLength;
  }
  return true;
}

void RecordWriter::write_fixed_head(HeadWriter& head, const std::vector<uint8_t>& metadata) const {
  for (const char letter : {'P', 'D', 'C', 'T'}) head.u8(static_cast<size_t>(letter));
  head.u8(1);
  head.u8(static_cast<size_t>(frame_.color));
  head.u8(static_cast<size_t>(frame_.component_count));
  head.u8(tables_.tables.size());
  head.u16(static_cast<size_t>(frame_.size.width));
  head.u16(static_cast<size_t>(frame_.size.height));
  const size_t count = static_cast<size_t>(frame_.component_count);
  for (size_t c = 0; c < kMaxComponents; ++c) {
    head.u8(c < count ? static_cast<size_t>(frame_.components[c].horizontal | frame_.components[c].vertical << 4) : 0);
  }
  for (size_t c = 0; c < kMaxComponents; ++c) head.u8(tables_.of_component[c]);
  for (size_t c = 0; c < kMaxComponents; ++c) head.u8(c < count ? frame_.components[c].id : 0);
  head.u8(tables_.quantizer_bytes);
  head.u16(0);
  head.u32(head_bytes());
  head.u32(metadata.size());
  head.u32(crc32c({metadata.data(), metadata.size()}));
  head.zeros_up_to(kDctFixedHead);
}

std::vector<uint8_t> RecordWriter::finish(const std::vector<uint8_t>& metadata) {
  HeadWriter head;
  write_fixed_head(head, metadata);
  for (const Quantization* table : tables_.tables) {
    for (const uint8_t place : kNaturalOrder) {
      const uint16_t value = (*table)[place];
      tables_.quantizer_bytes == 1 ? head.u8(value) : head.u16(value);
    }
  }
  for (const size_t offset : offsets_) head.u32(offset);
  for (const uint32_t checksum : checksums_) head.u32(checksum);
  head.zeros_up_to(head_bytes());
  std::vector<uint8_t>& bytes = head.bytes();
  const uint32_t checksum =
      crc32c({bytes.data() + kDctFixedHead, bytes.size() - kDctFixedHead}, crc32c({bytes.data(), kCrcOffset}));
  for (size_t i = 0; i < 4; ++i) bytes[kCrcOffset + i] = static_cast<uint8_t>(checksum >> (8 * i));
  std::copy(bytes.begin(), bytes.end(), record_.begin());
  record_.insert(record_.end(), metadata.begin(), metadata.end());
  return std::move(record_);
}

// The record of a plain baseline JPEG; false, and nothing, for any other.
bool encode_baseline(Bytes jpeg, EncodedDct& encoded) {
  BaselineRows rows;
  std::vector<uint8_t> metadata;
  if (!rows.open(jpeg) || !read_metadata(jpeg, metadata)) return false;
  RecordWriter writer(rows.frame());
  if (!writer.write_rows(rows, jpeg.size * 2)) return false;
  encoded.record = writer.finish(metadata);
  return true;
}

// Fills in everything of `encoded` but the size.
void encode(Bytes jpeg, EncodedDct& encoded) {
  if (encode_baseline(jpeg, encoded)) return;
  JpegCoefficients coefficients(jpeg);
  encoded.reason = coefficients.read();
  if (!encoded.reason.empty()) return;
  std::vector<uint8_t> metadata;
  if (!read_metadata(jpeg, metadata)) {
    encoded.reason = "metadata behind its first scan";
    return;
  }
  LibjpegRows rows(coefficients);
  RecordWriter writer(rows.frame());
  if (writer.write_rows(rows, jpeg.size * 2)) {
    encoded.record = writer.finish(metadata);
  } else {
    encoded.reason = "coefficients out of range";
  }
}

}  // namespace

EncodedDct encode_dct(Bytes jpeg) {
  EncodedDct encoded;
  const std::optional<Size> size = read_jpeg_header(jpeg);
  if (!size) refuse_other_kind();
  encoded.size = *size;
  encode(jpeg, encoded);
  if (!encoded.reason.empty()) {
    // What libjpeg reads without a complaint, it decodes: only the others can be damaged beyond Pillow's patience.
    JpegDecoder decoder;
    decoder.open(jpeg);
    decoder.check();
  }
  return encoded;
}

}  // namespace penstock

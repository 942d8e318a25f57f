#include "engine/dct/record.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/checksum/crc32c.h"
#include "engine/error.h"
#include "engine/little_endian.h"
#include "engine/rounding.h"

namespace penstock {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kCrcOffset = 60;
constexpr int kMaxTables = 3;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::kDecode, "damaged dct record: " + what + "; restore the file, or pack the dataset again");
}

[[noreturn]] void refuse(const char* field, const std::string& expected, size_t got) {
  refuse(std::string(field) + ": expected " + expected + ", got " + std::to_string(got));
}

[[noreturn]] void fail_truncated(const std::string& expected, size_t got) {
  throw Error(Fault::kTruncated, "expected " + expected + " bytes, got " + std::to_string(got) +
                                     "; restore the file, or pack the dataset again");
}

void check_zero(const uint8_t* begin, const uint8_t* end, const char* where) {
  if (std::any_of(begin, end, [](uint8_t byte) { return byte != 0; })) refuse(std::string(where) + " are not zero");
}

// A head's own checksum, which covers the rest of it.
void check_crc32c(Bytes head) {
  const uint32_t before = crc32c({head.data, kCrcOffset}, 0);
  const uint32_t computed = crc32c({head.data + kDctFixedHead, head.size - kDctFixedHead}, before);
  if (computed == u32_at(head.data + kCrcOffset)) return;
  throw Error(
      Fault::kChecksum,
      "the head of the dct record is damaged: its CRC-32C differs; restore the file, or pack the dataset again");
}

// The fields of a head's first kDctFixedHead bytes.
struct FixedHead {
  explicit FixedHead(const uint8_t* head) : bytes(head) {}

  int tables() const { return bytes[7]; }
  int quantizer_bytes() const { return bytes[21]; }
  size_t head_bytes() const { return u32_at(bytes + 24); }
  size_t metadata_bytes() const { return u32_at(bytes + 28); }
  size_t table_bytes() const { return static_cast<size_t>(kBlockItems) * quantizer_bytes(); }

  void check() const {
    if (bytes[4] != kVersion) refuse("version", "1 (a newer one needs a newer Penstock)", bytes[4]);
    if (bytes[6] != (bytes[5] == 0 ? 1 : 3)) refuse("components", "1 for grey, 3 for colour", bytes[6]);
    if (bytes[5] > 2) refuse("colour", "0, 1 or 2", bytes[5]);
    if (tables() < 1 || tables() > kMaxTables) refuse("quantisation tables", "1 to 3", bytes[7]);
    if (quantizer_bytes() != 1 && quantizer_bytes() != 2) refuse("bytes per quantiser", "1 or 2", bytes[21]);
    if (u16_at(bytes + 8) == 0 || u16_at(bytes + 10) == 0) refuse("width or height is 0");
    check_zero(bytes + 22, bytes + 24, "bytes 22 to 23");
    check_zero(bytes + 36, bytes + kCrcOffset, "bytes 36 to 59");
  }

  DctComponent component(int c, const uint8_t* quantizers) const {
    DctComponent component;
    component.horizontal = bytes[12 + c] & 15;
    component.vertical = bytes[12 + c] >> 4;
    if (!is_sampling_factor(component.horizontal) || !is_sampling_factor(component.vertical)) {
      refuse("sampling factors", "1, 2 or 4", bytes[12 + c]);
    }
    component.id = bytes[18 + c];
    const int table = bytes[15 + c];
    if (table >= tables()) refuse("quantisation table of a component", "less than their number", bytes[15 + c]);
    const uint8_t* entry = quantizers + static_cast<size_t>(table) * table_bytes();
    for (int k = 0; k < kBlockItems; ++k, entry += quantizer_bytes()) {
      const uint16_t value = quantizer_bytes() == 1 ? entry[0] : u16_at(entry);
      if (value == 0) refuse("a quantiser is 0");
      component.quantization[kNaturalOrder[k]] = value;
    }
    return component;
  }

  DctFrame frame() const {
    DctFrame frame;
    frame.size = {u16_at(bytes + 10), u16_at(bytes + 8)};
    frame.color = static_cast<ColorModel>(bytes[5]);
    frame.component_count = bytes[6];
    for (int c = 0; c < frame.component_count; ++c) {
      frame.components[c] = component(c, bytes + kDctFixedHead);
    }
    for (int c = frame.component_count; c < kMaxComponents; ++c) {
      if (bytes[12 + c] != 0 || bytes[15 + c] != 0 || bytes[18 + c] != 0)
        refuse("fields of absent components are not zero");
    }
    if (frame.component_count == 1 && bytes[12] != 0x11) refuse("sampling factors of one component", "1x1", bytes[12]);
    frame.complete();
    return frame;
  }

  const uint8_t* bytes;
};

int block_rows_before(const DctComponent& component, int mcu_row) {
  return std::min(component.blocks.height, mcu_row * component.vertical);
}

}  // namespace

BlockRows block_rows_of(const DctComponent& component, int mcu_row) {
  const int first = block_rows_before(component, mcu_row);
  return {first, block_rows_before(component, mcu_row + 1) - first};
}

int segments_in(const DctFrame& frame, int mcu_row) {
  int count = 0;
  for (int c = 0; c < frame.component_count; ++c) {
    const DctComponent& component = frame.components[c];
    count += block_rows_of(component, mcu_row).count * segments_across(component);
  }
  return count;
}

namespace {

// Not more than blocks without AC coefficients take: an entry and a base for each segment, a header and a DC value for
// each block.
size_t least_row_bytes(const DctFrame& frame, int mcu_row) {
  size_t bytes = 0;
  for (int c = 0; c < frame.component_count; ++c) {
    const DctComponent& component = frame.components[c];
    const size_t block_row =
        3 * static_cast<size_t>(component.blocks.width) + 3 * static_cast<size_t>(segments_across(component));
    bytes += static_cast<size_t>(block_rows_of(component, mcu_row).count) * block_row;
  }
  return bytes;
}

}  // namespace

size_t DctHead::size_of(Bytes start) {
  if (start.size < kDctFixedHead) {
    fail_truncated("a dct record of at least " + std::to_string(kDctFixedHead), start.size);
  }
  // The other fields are of use once their CRC has been compared.
  if (std::memcmp(start.data, "PDCT", 4) != 0) refuse("it does not begin with PDCT");
  const FixedHead fixed(start.data);
  if (fixed.head_bytes() < kDctFixedHead || fixed.head_bytes() > kMaxDctHead ||
      fixed.head_bytes() % kDctAlignment != 0) {
    refuse("bytes of the head", "a multiple of 64 up to " + std::to_string(kMaxDctHead), fixed.head_bytes());
  }
  return fixed.head_bytes();
}

void DctHead::parse(Bytes head, size_t record_bytes) {
  const size_t head_bytes = size_of(head);
  if (head.size < head_bytes || record_bytes < head_bytes) {
    fail_truncated("a head of " + std::to_string(head_bytes), std::min(head.size, record_bytes));
  }
  check_crc32c({head.data, head_bytes});
  const FixedHead fixed(head.data);
  fixed.check();
  const size_t tables_end = kDctFixedHead + static_cast<size_t>(fixed.tables()) * fixed.table_bytes();
  if (tables_end > head_bytes) refuse("bytes of the head", "room for its tables", head_bytes);
  frame_ = fixed.frame();
  const size_t rows = static_cast<size_t>(frame_.mcu_rows);
  const size_t rows_end = tables_end + 4 * (2 * rows + 1);
  if (rounded_up(rows_end, kDctAlignment) != head_bytes)
    refuse("bytes of the head", std::to_string(rounded_up(rows_end, kDctAlignment)), head_bytes);
  check_zero(head.data + rows_end, head.data + head_bytes, "bytes after the table of rows");
  read_rows(head.data + tables_end, head_bytes);
  head_crc32c_ = crc32c({head.data, head_bytes});
  metadata_bytes_ = fixed.metadata_bytes();
  metadata_crc32c_ = u32_at(head.data + 32);
  const size_t expected = metadata_offset() + metadata_bytes_;
  if (record_bytes < expected) fail_truncated("a dct record of " + std::to_string(expected), record_bytes);
  if (record_bytes > expected) refuse("bytes of the record", std::to_string(expected), record_bytes);
}

uint32_t DctHead::record_crc32c() const {
  uint32_t checksum = head_crc32c_;
  for (size_t row = 0; row < checksums_.size(); ++row) {
    checksum = crc32c_joined(checksum, checksums_[row], offsets_[row + 1] - offsets_[row]);
  }
  return crc32c_joined(checksum, metadata_crc32c_, metadata_bytes_);
}

void DctHead::read_rows(const uint8_t* table, size_t head_bytes) {
  const size_t rows = static_cast<size_t>(frame_.mcu_rows);
  offsets_.resize(rows + 1);
  checksums_.resize(rows);
  for (size_t row = 0; row <= rows; ++row) {
    offsets_[row] = u32_at(table + 4 * row);
    const size_t before = row == 0 ? head_bytes : offsets_[row - 1];
    const bool follows = row == 0 ? offsets_[0] == before : offsets_[row] >= before;
    if (!follows) refuse("offset of MCU row " + std::to_string(row) + " does not follow what is before it");
    // So that nobody takes memory for an image of which there is next to nothing.
    if (row > 0 && offsets_[row] - before < least_row_bytes(frame_, static_cast<int>(row) - 1)) {
      refuse("MCU row " + std::to_string(row - 1) + " is too short for its blocks");
    }
  }
  for (size_t row = 0; row < rows; ++row) checksums_[row] = u32_at(table + 4 * (rows + 1 + row));
}

}  // namespace penstock

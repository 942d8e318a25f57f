#include "engine/jpeg/baseline_header.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include "engine/jpeg/jpeg_segments.h"

namespace penstock {
namespace {

constexpr int kTableSlots = 4;
constexpr int kLargestSide = 65500;  // JPEG_MAX_DIMENSION
constexpr size_t kJfifBytes = 14;    // libjpeg takes no shorter segment for JFIF's ...
constexpr size_t kAdobeBytes = 12;   // ... or Adobe's
constexpr size_t kJfifMajorVersion = 5;
constexpr size_t kAdobeTransform = 11;

using QuantizationTable = std::array<uint16_t, kBlockItems>;

// Everything that segments before the scan define.
struct Tables {
  std::array<std::optional<QuantizationTable>, kTableSlots> quantization;
  std::array<std::optional<HuffmanCode>, kTableSlots> dc, ac;
  bool jfif = false;
  std::optional<int> adobe_transform;

  bool add(uint8_t marker, Bytes segment);
  bool add_quantization(Bytes segment);
  bool add_codes(Bytes segment);
};

bool Tables::add(uint8_t marker, Bytes segment) {
  if (marker == kDqt) return add_quantization(segment);
  if (marker == kDht) return add_codes(segment);
  if (marker == kDri) return segment.size == 2 && segment.data[0] == 0 && segment.data[1] == 0;
  if (marker == kApp0 && segment.size >= kJfifBytes && std::memcmp(segment.data, "JFIF", 5) == 0) {
    jfif = true;
    return segment.data[kJfifMajorVersion] == 1;  // libjpeg warns of others
  }
  if (marker == kApp14 && segment.size >= kAdobeBytes && std::memcmp(segment.data, "Adobe", 5) == 0) {
    adobe_transform = segment.data[kAdobeTransform];
    return *adobe_transform <= 1;  // likewise
  }
  return true;
}

bool Tables::add_quantization(Bytes segment) {
  for (size_t at = 0; at < segment.size; at += 1 + kBlockItems) {
    const int slot = segment.data[at];  // with the precision above: 0 for 8 bits
    if (slot >= kTableSlots || segment.size - at < 1 + kBlockItems) return false;
    QuantizationTable table;
    for (int k = 0; k < kBlockItems; ++k) table[kNaturalOrder[k]] = segment.data[at + 1 + k];
    quantization[slot] = table;
  }
  return true;
}

bool Tables::add_codes(Bytes segment) {
  for (size_t at = 0; at < segment.size;) {
    if (segment.size - at < 17) return false;
    const int slot = segment.data[at] & 15, kind = segment.data[at] >> 4;
    HuffmanCode code;
    std::copy_n(segment.data + at + 1, 16, code.counts.begin());
    for (const int count : code.counts) code.symbol_count += count;
    at += 17;
    if (slot >= kTableSlots || kind > 1 || code.symbol_count > 256) return false;
    const size_t symbols = static_cast<size_t>(code.symbol_count);
    if (segment.size - at < symbols) return false;
    std::copy_n(segment.data + at, symbols, code.symbols.begin());
    (kind == 0 ? dc : ac)[slot] = code;
    at += symbols;
  }
  return true;
}

struct FrameHeader {
  DctFrame frame;
  std::array<uint8_t, kMaxComponents> quantization = {};  // slots
};

std::optional<FrameHeader> read_frame(Bytes segment) {
  FrameHeader header;
  DctFrame& frame = header.frame;
  if (segment.size < 6 || segment.data[0] != 8) return std::nullopt;
  frame.size = {segment.data[1] << 8 | segment.data[2], segment.data[3] << 8 | segment.data[4]};
  frame.component_count = segment.data[5];
  const bool known = frame.component_count == 1 || frame.component_count == 3;
  if (!known || segment.size != 6 + 3 * static_cast<size_t>(frame.component_count)) return std::nullopt;
  const auto [height, width] = frame.size;
  if (height < 1 || width < 1 || height > kLargestSide || width > kLargestSide) return std::nullopt;
  for (int c = 0; c < frame.component_count; ++c) {
    const uint8_t* const fields = segment.data + 6 + 3 * c;
    DctComponent& component = frame.components[c];
    component.id = fields[0];
    component.horizontal = fields[1] >> 4;
    component.vertical = fields[1] & 15;
    header.quantization[c] = fields[2];
    if (!is_sampling_factor(component.horizontal) || !is_sampling_factor(component.vertical)) return std::nullopt;
    for (int other = 0; other < c; ++other) {
      if (frame.components[other].id == component.id) return std::nullopt;
    }
  }
  // A scan of one component has MCUs of one block, whatever the factors say.
  if (frame.component_count == 1) frame.components[0].horizontal = frame.components[0].vertical = 1;
  return header;
}

// libjpeg's default_decompress_parms.
ColorModel color_of(const DctFrame& frame, const Tables& tables) {
  if (frame.component_count == 1) return ColorModel::kGrey;
  if (tables.jfif) return ColorModel::kYcc;
  if (tables.adobe_transform) return *tables.adobe_transform == 0 ? ColorModel::kRgb : ColorModel::kYcc;
  const auto& components = frame.components;
  const bool rgb = components[0].id == 'R' && components[1].id == 'G' && components[2].id == 'B';
  return rgb ? ColorModel::kRgb : ColorModel::kYcc;
}

// Gives each component its tables. False where the scan is not that of all components, at once and in order, or where
// a table is missing.
bool assign_tables(const Tables& tables, const FrameHeader& found, Bytes scan, BaselineHeader& header) {
  const size_t count = static_cast<size_t>(found.frame.component_count);
  if (scan.size != 4 + 2 * count || scan.data[0] != count) return false;
  const uint8_t* const spectral = scan.data + 1 + 2 * count;
  if (spectral[0] != 0 || spectral[1] != 63 || spectral[2] != 0) return false;
  for (size_t c = 0; c < count; ++c) {
    DctComponent& component = header.frame.components[c];
    const int dc = scan.data[2 + 2 * c] >> 4, ac = scan.data[2 + 2 * c] & 15;
    const int slot = found.quantization[c];
    const bool possible = dc < kTableSlots && ac < kTableSlots && slot < kTableSlots;
    if (scan.data[1 + 2 * c] != component.id || !possible) return false;
    if (!tables.dc[dc] || !tables.ac[ac] || !tables.quantization[slot]) return false;
    header.dc[c] = *tables.dc[dc];
    header.ac[c] = *tables.ac[ac];
    component.quantization = *tables.quantization[slot];
    const auto& quantization = component.quantization;
    if (std::find(quantization.begin(), quantization.end(), 0) != quantization.end()) return false;
  }
  return true;
}

}  // namespace

int BaselineHeader::blocks_in_mcu() const {
  int blocks = 0;
  for (int c = 0; c < frame.component_count; ++c) {
    blocks += frame.components[c].horizontal * frame.components[c].vertical;
  }
  return blocks;
}

int BaselineHeader::mcus_in_row() const {
  const int width = frame.max_horizontal * kBlockSide;
  return (frame.size.width + width - 1) / width;
}

bool BaselineHeader::parse(Bytes data) {
  JpegSegments segments(data, 2);
  Tables tables;
  std::optional<FrameHeader> found;
  for (;;) {
    const uint8_t marker = segments.next_marker();
    if (marker == kNoMarker) return false;
    const std::optional<Bytes> segment = segments.next_segment();
    if (!segment) return false;
    if (marker == kSof0 || marker == kSof1) {
      if (found) return false;
      found = read_frame(*segment);
      if (!found) return false;
    } else if (marker == kSos) {
      if (!found) return false;
      frame = found->frame;
      frame.color = color_of(frame, tables);
      frame.complete();
      scan = segments.position();
      return blocks_in_mcu() <= kMaxBlocksInMcu && assign_tables(tables, *found, *segment, *this);
    } else if (marker == kSof2 || !tables.add(marker, *segment)) {
      return false;
    }
  }
}

}  // namespace penstock

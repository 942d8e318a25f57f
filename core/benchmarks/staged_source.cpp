#include "staged_source.h"

#include <algorithm>
#include <array>

#include "engine/checksum/crc32c.h"
#include "engine/dct/kernels.h"
#include "engine/error.h"

namespace penstock {
namespace {

// Reads a head as the engine does: what most heads fit in, and all of it where that is not enough.
Bytes read_head(Reader& reader, const Place& place, ReadBuffer& buffer) {
  const int64_t usual = std::min<int64_t>(place.length, kDctUsualHead);
  const Bytes start = reader.read(place.path, place.offset, usual, buffer);
  const auto whole = static_cast<int64_t>(DctHead::size_of(start));
  return whole <= usual ? start : reader.read(place.path, place.offset, std::min(place.length, whole), buffer);
}

Bytes read_rows(Reader& reader, const Place& place, const DctHead& head, RowRange range, ReadBuffer& buffer) {
  const auto from = static_cast<int64_t>(head.row_offset(range.first));
  const auto to = static_cast<int64_t>(head.row_offset(range.last));
  return reader.read(place.path, place.offset + from, to - from, buffer);
}

Bytes row_of(const DctHead& head, RowRange range, int row, Bytes rows) {
  const size_t start = head.row_offset(range.first);
  return {rows.data + (head.row_offset(row) - start), head.row_offset(row + 1) - head.row_offset(row)};
}

}  // namespace

Size StagedSource::open(const Place& place) {
  place_ = place;
  const double start = now();
  const Bytes head = read_head(reader_, place_, buffer_);
  const double read = now();
  head_.parse(head, static_cast<size_t>(place.length));
  times_.head += now() - read;
  times_.read += read - start;
  times_.bytes += static_cast<int64_t>(head.size);
  return head_.frame().size;
}

Planes StagedSource::read(Rect rect) {
  const double start = now();
  const RowRange range = rows_for(head_.frame(), rect);
  const Bytes rows = read_rows(reader_, place_, head_, range, buffer_);
  const double read = now();
  check(range, rows);
  const double checked = now();
  decode(range, rows, rect, Until::kColour);
  const double warmed_up = now();
  decode(range, rows, rect, Until::kExpand);
  const double expanded = now();
  decode(range, rows, rect, Until::kInverse);
  const double inverted = now();
  decode(range, rows, rect, Until::kColour);
  const double coloured = now();
  times_.read += read - start;
  times_.checksum += checked - read;
  times_.expand += expanded - warmed_up;
  times_.expand_inverse += inverted - expanded;
  times_.expand_inverse_colour += coloured - inverted;
  times_.bytes += static_cast<int64_t>(rows.size);
  seconds_in_read_ += coloured - start;
  return planes_.pixels();
}

void StagedSource::check(RowRange range, Bytes rows) const {
  for (int row = range.first; row < range.last; ++row) {
    if (crc32c(row_of(head_, range, row, rows)) != head_.row_crc32c(row)) {
      throw Error(Fault::kChecksum, "expected undamaged records, but an MCU row's CRC-32C differs; pack them again");
    }
  }
}

// Walks through the segments of an MCU row that the region needs, as DctDecoder does.
template <typename Visit>
void StagedSource::visit_segments(int mcu_row, Bytes row, const Visit& visit) const {
  const DctFrame& frame = head_.frame();
  const uint8_t* entry = row.data;
  const uint8_t* data = row.data + 2 * static_cast<size_t>(segments_in(frame, mcu_row));
  for (int c = 0; c < frame.component_count; ++c) {
    const DctComponent& component = frame.components[c];
    const Rect& wanted = planes_.blocks(c);
    const BlockRows block_rows = block_rows_of(component, mcu_row);
    for (int y = block_rows.first; y < block_rows.first + block_rows.count; ++y) {
      for (int x = 0; x < component.blocks.width; x += kSegmentBlocks, entry += 2) {
        const auto bits = static_cast<uint16_t>(entry[0] | entry[1] << 8);
        Segment segment;
        if (y >= wanted.y && y < wanted.y + wanted.height && x < wanted.x + wanted.width &&
            x + kSegmentBlocks > wanted.x &&
            segment.parse(data, bits, std::min(kSegmentBlocks, component.blocks.width - x))) {
          visit(c, y, x, segment);
        }
        data += bits & kSegmentLength;
      }
    }
  }
}

// DctDecoder::decode without checksums, as far as `until`.
void StagedSource::decode(RowRange range, Bytes rows, Rect rect, Until until) {
  const DctFrame& frame = head_.frame();
  const BlockKernels& kernels = block_kernels(simd_level());
  planes_.prepare(frame, rect, kernels.lanes);
  alignas(64) std::array<std::array<int16_t, kBlockItems>, kMaxComponents> quantization;
  for (int c = 0; c < frame.component_count; ++c) {
    for (size_t i = 0; i < kBlockItems; ++i) {
      quantization[c][kernels.place[i]] = static_cast<int16_t>(frame.components[c].quantization[i]);
    }
  }
  const auto visit = [&](int c, int y, int x, const Segment& segment) {
    const Rect& wanted = planes_.blocks(c);
    const int first = std::max(0, wanted.x - x), last = std::min(segment.blocks, wanted.x + wanted.width - x);
    alignas(64) int16_t groups[kSegmentBlocks * kBlockItems];
    if (!kernels.expand(segment, first, last, groups)) {
      throw Error(Fault::kDecode, "expected undamaged records, but a segment is not; pack them again");
    }
    if (until == Until::kExpand) {
      times_.blocks += last - first;
      return;
    }
    for (int block = first; block < last; block += kernels.lanes) {
      kernels.inverse(groups + (block - first) * kBlockItems, quantization[c].data(), planes_.at(c, y, x + block),
                      planes_.stride(c));
    }
  };
  for (int row = range.first; row < range.last; ++row) {
    visit_segments(row, row_of(head_, range, row, rows), visit);
    if (until == Until::kColour) planes_.finish_mcu_row(row);
  }
}

Size FusedSource::open(const Place& place) {
  place_ = place;
  head_.parse(read_head(reader_, place_, buffer_), static_cast<size_t>(place.length));
  return head_.frame().size;
}

Planes FusedSource::read(Rect rect) {
  const RowRange range = rows_for(head_.frame(), rect);
  return decoder_.decode(head_, read_rows(reader_, place_, head_, range, buffer_), rect, true);
}

}  // namespace penstock

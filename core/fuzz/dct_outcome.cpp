#include "fuzz/dct_outcome.h"

#include <algorithm>
#include <string>
#include <vector>

#include "engine/scratch.h"
#include "engine/simd.h"
#include "fuzz/input.h"

namespace penstock::fuzzing {

bool operator==(const Outcome& a, const Outcome& b) { return a.fault == b.fault && a.pixels == b.pixels; }

std::vector<uint8_t> cut(const Planes& planes, Rect region) {
  std::vector<uint8_t> pixels;
  for (const uint8_t* plane : planes.data) {
    for (int y = region.y; y < region.y + region.height; ++y) {
      const uint8_t* const row = plane + y * planes.stride + region.x;
      pixels.insert(pixels.end(), row, row + region.width);
    }
  }
  return pixels;
}

DctRecord::DctRecord(Bytes bytes) : bytes_(bytes) {
  const Copy start({bytes.data, std::min(bytes.size, kDctFixedHead)});
  const size_t head_bytes = DctHead::size_of(start.bytes());
  const Copy head({bytes.data, std::min(bytes.size, head_bytes)});
  head_.parse(head.bytes(), bytes.size);
  require(head_.metadata_offset() + head_.metadata_bytes() == bytes.size, "a record ends with its metadata");
}

Outcome DctRecord::decode(Rect region, bool one_verdict) const {
  static DctDecoder used;
  const std::vector<std::string> levels = simd_levels();
  set_simd_level(levels.front());
  DctDecoder fresh;
  const Outcome first = decode_once(fresh, region, 0x00);
  for (const std::string& level : levels) {
    set_simd_level(level);
    const Outcome outcome = decode_once(used, region, 0xFF);
    // Levels that work on several blocks at a time also see damage in neighbours of the region's blocks.
    const bool saw_more = !one_verdict && !first.fault && outcome.fault == Fault::kDecode;
    require(outcome == first || saw_more, "all levels give the same");
  }
  return first;
}

Outcome DctRecord::decode_once(DctDecoder& decoder, Rect region, uint8_t fill) const {
  const RowRange range = rows_for(head_.frame(), region);
  require(0 <= range.first && range.first < range.last && range.last <= head_.frame().mcu_rows, "rows are there");
  const size_t first = head_.row_offset(range.first), last = head_.row_offset(range.last);
  require(first <= last && last <= bytes_.size, "rows lie inside their record");
  const Copy rows({bytes_.data + first, last - first}, kReadAhead, fill);
  try {
    const Planes planes = decoder.decode(head_, rows.bytes(), region, true);
    require(planes.size == Size{region.height, region.width}, "a region has its size");
    return {std::nullopt, cut(planes, {0, 0, region.width, region.height})};
  } catch (const Error& error) {
    return {error.fault(), {}};
  }
}

}  // namespace penstock::fuzzing

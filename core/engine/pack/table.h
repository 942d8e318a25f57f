// The directory of a table, which index.bin and the footers of shards are made of (SPEC.md, 2 and 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/geometry.h"

namespace penstock {

// Numbers of the sections that this reader knows.
enum SectionNumber : uint32_t {
  kShardSection = 1,
  kOffsetSection = 2,
  kLengthSection = 3,
  kCodecSection = 4,
  kFlagsSection = 5,
  kWidthSection = 6,
  kHeightSection = 7,
  kChecksumSection = 8,
  kLabelSection = 9,
  kNameOffsetSection = 10,
  kNamesSection = 11,
  kShardBytesSection = 20,
  kShardRowsSection = 21,
  kSkippedSection = 30,
  kFallbacksSection = 1000,
};

struct PackSection {
  uint32_t number;
  const char* type;  // of an item, as numpy writes it: "|u1", "<u4", "<i4", "<i8" or "<f4"
  uint64_t count;    // of items, or of rows of items
  uint32_t width;    // items per row; 0: one, without an axis of its own
  uint32_t crc32c;
  uint64_t offset;  // from the start of the table
  uint64_t bytes;
};

// Nothing of it refers to the bytes it was read from.
struct PackTable {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::vector<PackSection> sections;  // the known ones, each at most once

  // Reads the directory at the start of `data`, and looks at nothing behind it: every section then lies inside the
  // table, and the table inside `data`, each section at a multiple of 64 bytes. Throws Error (kDataset).
  static PackTable parse(Bytes data);

  // nullptr where there is none.
  const PackSection* find(SectionNumber number) const;
};

}  // namespace penstock

// Rows of a pack's index: whether their numbers can be true (SPEC.md, 3.1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

// Columns owned by somebody else, `count` items each.
struct PackRows {
  size_t count;
  const int32_t* shard;
  const int64_t* offset;
  const int64_t* length;
  const uint8_t* codec;
  const uint8_t* flags;
  const int32_t* width;
  const int32_t* height;
};

// Sizes of the shard files, owned by somebody else.
struct ShardSizes {
  const int64_t* bytes;
  size_t count;
};

// A row that can't be: its position, and why.
struct BadRow {
  size_t row;
  const char* reason;
};

// Compares every number with what it may be, and every place with the size of its shard: the record of a sound row, and
// the 64 bytes after it, lie between header and trailer. Codecs from `codecs` on are unknown. The first bad row, or
// {rows.count, nullptr}.
BadRow first_bad_row(const PackRows& rows, ShardSizes shards, uint8_t codecs);

// Whether `count` + 1 offsets begin at 0, end at `names_bytes` and never fall.
bool names_in_order(const int64_t* offsets, size_t count, int64_t names_bytes);

}  // namespace penstock

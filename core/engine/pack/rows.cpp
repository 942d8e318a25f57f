#include "engine/pack/rows.h"

#include <algorithm>
#include <limits>

#include "engine/pack/blocks.h"

namespace penstock {
namespace {

constexpr int64_t kBlock = kBlockBytes;
constexpr int64_t kTailBytes = 64;
constexpr int64_t kMaxRecordBytes = std::numeric_limits<int32_t>::max();

// SPEC.md, 3.1.
constexpr uint8_t kRawCodec = 1;
constexpr uint8_t kDctCodec = 2;
constexpr int32_t kMaxDctSide = 65535;

bool lies_in_its_shard(const PackRows& rows, size_t row, ShardSizes shards) {
  const int64_t shard = rows.shard[row], offset = rows.offset[row], length = rows.length[row];
  if (shard < 0 || shard >= static_cast<int64_t>(shards.count)) return false;
  if (length < 0 || length > kMaxRecordBytes || offset < kBlock || offset % kBlock != 0) return false;
  const int64_t shard_bytes = shards.bytes[shard];
  if (shard_bytes < 2 * kBlock) return false;
  const int64_t trailer = shard_bytes - kBlock;
  return offset <= trailer && length + kTailBytes <= trailer - offset;
}

bool has_a_size(const PackRows& rows, size_t row) {
  const int64_t width = rows.width[row], height = rows.height[row];
  if (width < 0 || height < 0) return false;
  if (rows.codec[row] == kRawCodec) {
    return height == 0 ? rows.length[row] == 0
                       : rows.length[row] % (3 * height) == 0 && rows.length[row] / (3 * height) == width;
  }
  if (rows.codec[row] == kDctCodec) return std::min(width, height) >= 1 && std::max(width, height) <= kMaxDctSide;
  return true;
}

const char* fault_of(const PackRows& rows, size_t row, ShardSizes shards, uint8_t codecs) {
  if (!lies_in_its_shard(rows, row, shards)) {
    return "its place lies outside its shard: the index is damaged; pack the dataset again";
  }
  if (rows.codec[row] >= codecs || rows.flags[row] != 0) {
    return "its codec or flags are unknown to this Penstock: upgrade penstock";
  }
  if (!has_a_size(rows, row)) return "its size in pixels is impossible: the index is damaged; pack the dataset again";
  return nullptr;
}

}  // namespace

BadRow first_bad_row(const PackRows& rows, ShardSizes shards, uint8_t codecs) {
  for (size_t row = 0; row < rows.count; ++row) {
    if (const char* const reason = fault_of(rows, row, shards, codecs)) return {row, reason};
  }
  return {rows.count, nullptr};
}

bool names_in_order(const int64_t* offsets, size_t count, int64_t names_bytes) {
  return offsets[0] == 0 && offsets[count] == names_bytes && std::is_sorted(offsets, offsets + count + 1);
}

}  // namespace penstock

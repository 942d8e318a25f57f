// The fixed-size parts of a pack's files, read from bytes that may be an attacker's (SPEC.md, 1 and 4.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/geometry.h"

namespace penstock {

constexpr size_t kBlockBytes = 64;       // of each of these parts
constexpr uint64_t kPackAlignment = 64;  // of every part and record
constexpr uint64_t kMaxPackRows = uint64_t{1} << 40;
constexpr uint32_t kMaxPackShards = 1'000'000;

inline uint64_t aligned_in_pack(uint64_t bytes) {
  return (bytes + kPackAlignment - 1) / kPackAlignment * kPackAlignment;
}

// A checksum in a message.
std::string hexadecimal(uint32_t value);

using PackId = std::array<uint8_t, 16>;

// Each `parse` reads the block, which should have kBlockBytes, and checks magic, checksum, version and limits. Throws
// Error (kDataset).

struct ShardHeader {
  uint32_t number;
  PackId pack_id;

  static ShardHeader parse(Bytes block);
};

struct ShardTrailer {
  uint32_t number;
  uint64_t footer_offset;
  uint64_t footer_bytes;
  uint64_t rows;

  // `file_bytes` is the size of the file that the block ends: the footer lies inside it, just before the trailer.
  static ShardTrailer parse(Bytes block, uint64_t file_bytes);
};

struct IndexHeader {
  uint32_t shards;
  PackId pack_id;
  uint64_t rows;
  uint32_t manifest_crc32c;

  static IndexHeader parse(Bytes block);
};

}  // namespace penstock

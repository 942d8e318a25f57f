#include "engine/pack/blocks.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "engine/checksum/crc32c.h"
#include "engine/error.h"
#include "engine/little_endian.h"

namespace penstock {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kMagicBytes = 8;
constexpr size_t kCheckedBytes = kBlockBytes - 4;

// For messages: what is no printable ASCII becomes \xNN.
std::string quoted(const uint8_t* data, size_t size) {
  std::string text = "'";
  for (size_t k = 0; k < size; ++k) {
    char escape[5] = {};
    const bool printable = data[k] >= 0x20 && data[k] < 0x7F;
    std::snprintf(escape, sizeof escape, printable ? "%c" : "\\x%02x", data[k]);
    text += escape;
  }
  return text + "'";
}

void check_block(Bytes block, const char* magic, size_t zeros) {
  if (block.size != kBlockBytes || std::memcmp(block.data, magic, kMagicBytes) != 0) {
    throw Error(Fault::kDataset,
                "expected 64 bytes that begin with '" + std::string(magic) + "', got " + std::to_string(block.size) +
                    " that begin with " + quoted(block.data, std::min(block.size, kMagicBytes)) +
                    ": the file is damaged or not part of a pack; restore it, or pack the dataset again");
  }
  const uint32_t stored = u32_at(block.data + kCheckedBytes), computed = crc32c({block.data, kCheckedBytes});
  if (stored != computed) {
    throw Error(Fault::kDataset, "checksum mismatch, expected CRC-32C " + hexadecimal(stored) + ", got " +
                                     hexadecimal(computed) +
                                     ": the file is damaged; restore it, or pack the dataset again");
  }
  if (const uint32_t version = u32_at(block.data + kMagicBytes); version != kVersion) {
    throw Error(Fault::kDataset, "pack format version " + std::to_string(version) +
                                     " is unknown, this Penstock reads version 1: upgrade penstock, or pack the "
                                     "dataset again with this one");
  }
  if (std::any_of(block.data + zeros, block.data + kCheckedBytes, [](uint8_t byte) { return byte != 0; })) {
    throw Error(Fault::kDataset, "bytes " + std::to_string(zeros) +
                                     " to 59 are not zero: the file is damaged; restore it, or pack the dataset again");
  }
}

PackId id_at(const uint8_t* data) {
  PackId id;
  std::copy_n(data, id.size(), id.begin());
  return id;
}

}  // namespace

std::string hexadecimal(uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

ShardHeader ShardHeader::parse(Bytes block) {
  check_block(block, "PSTKSHRD", 32);
  return {u32_at(block.data + 12), id_at(block.data + 16)};
}

ShardTrailer ShardTrailer::parse(Bytes block, uint64_t file_bytes) {
  check_block(block, "PSTKTAIL", 40);
  const ShardTrailer trailer = {u32_at(block.data + 12), u64_at(block.data + 16), u64_at(block.data + 24),
                                u64_at(block.data + 32)};
  const uint64_t start = trailer.footer_offset;
  const bool whole = file_bytes >= 2 * kBlockBytes && start >= kBlockBytes && start % kPackAlignment == 0 &&
                     start <= file_bytes - kBlockBytes && trailer.footer_bytes == file_bytes - kBlockBytes - start;
  if (whole && trailer.rows <= kMaxPackRows) return trailer;
  throw Error(Fault::kDataset, "promises a footer of " + std::to_string(trailer.rows) + " rows in " +
                                   std::to_string(trailer.footer_bytes) + " bytes at " + std::to_string(start) +
                                   ", which does not end 64 bytes before the file's end at " +
                                   std::to_string(file_bytes) + ": restore it, or pack the dataset again");
}

IndexHeader IndexHeader::parse(Bytes block) {
  check_block(block, "PSTKINDX", 44);
  const IndexHeader header = {u32_at(block.data + 12), id_at(block.data + 16), u64_at(block.data + 32),
                              u32_at(block.data + 40)};
  if (header.rows <= kMaxPackRows && header.shards <= kMaxPackShards) return header;
  throw Error(Fault::kDataset, "promises " + std::to_string(header.rows) + " rows in " + std::to_string(header.shards) +
                                   " shards, more than the format allows (" + std::to_string(kMaxPackRows) + " in " +
                                   std::to_string(kMaxPackShards) + "): pack the dataset again");
}

}  // namespace penstock

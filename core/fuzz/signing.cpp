#include "fuzz/signing.h"

#include <algorithm>

#include "engine/checksum/crc32c.h"
#include "engine/dct/frame.h"
#include "engine/little_endian.h"

namespace penstock::fuzzing {
namespace {

constexpr size_t kBlock = 64;

void put_u32(uint8_t* p, uint32_t value) {
  for (int k = 0; k < 4; ++k) p[k] = static_cast<uint8_t>(value >> 8 * k);
}

void sign_block(uint8_t* data, size_t size) {
  if (size >= kBlock) put_u32(data + 60, crc32c({data, 60}));
}

void sign_table(uint8_t* data, size_t size) {
  if (size < 32) return;
  const uint8_t* const end = data + 32 + 32 * std::min<size_t>(u32_at(data), (size - 32) / 32);
  for (uint8_t* entry = data + 32; entry != end; entry += 32) {
    const bool wide = entry[4] == '<';
    const uint64_t item = !wide ? 1 : entry[6] == '8' ? 8 : 4;
    const uint64_t offset = u64_at(entry + 24), row = item * std::max<uint64_t>(1, u32_at(entry + 16));
    if (offset > size || u64_at(entry + 8) > (size - offset) / row) continue;
    put_u32(entry + 20, crc32c({data + offset, static_cast<size_t>(u64_at(entry + 8) * row)}));
  }
  const size_t directory = static_cast<size_t>(end - data);
  put_u32(data + 4, crc32c({data + 8, directory - 8}, crc32c({data, 4})));
}

}  // namespace

void sign_dct_record(uint8_t* data, size_t size) {
  if (size < kBlock) return;
  const size_t head = u32_at(data + 24), metadata = u32_at(data + 28);
  if (head < kBlock || head > size) return;
  if (metadata <= size - head) put_u32(data + 32, crc32c({data + size - metadata, metadata}));
  const size_t table = kBlock + size_t{kBlockItems} * data[7] * data[21];
  int tallest = 1;
  for (int c = 0; c < 3; ++c) tallest = std::max(tallest, data[12 + c] >> 4);
  const int side = tallest * kBlockSide;
  const size_t rows = static_cast<size_t>((u16_at(data + 10) + side - 1) / side);
  if (table + 4 * (2 * rows + 1) <= head) {
    for (size_t row = 0; row < rows; ++row) {
      const size_t from = u32_at(data + table + 4 * row), to = u32_at(data + table + 4 * (row + 1));
      if (from > to || to > size) continue;
      put_u32(data + table + 4 * (rows + 1 + row), crc32c({data + from, to - from}));
    }
  }
  put_u32(data + 60, crc32c({data + kBlock, head - kBlock}, crc32c({data, 60})));
}

void sign_index(uint8_t* data, size_t size) {
  sign_block(data, size);
  if (size > kBlock) sign_table(data + kBlock, size - kBlock);
}

void sign_shard(uint8_t* data, size_t size) {
  sign_block(data, size);
  if (size < 2 * kBlock) return;
  uint8_t* const trailer = data + size - kBlock;
  sign_block(trailer, kBlock);
  const uint64_t footer = u64_at(trailer + 16);
  if (footer < size - kBlock) sign_table(data + footer, size - kBlock - footer);
}

}  // namespace penstock::fuzzing

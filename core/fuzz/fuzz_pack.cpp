// An index.bin and one shard, as formats/pack reads them: headers, directories, columns, rows, and the sound rows'
// records. Input: a u32 number of bytes of the index, a byte of flags (bit 0: leave the checksums as they are), 11 of
// nothing, then index and shard.
#include <algorithm>
#include <optional>
#include <vector>

#include "engine/checksum/crc32c.h"
#include "engine/dct/source.h"
#include "engine/error.h"
#include "engine/jpeg/jpeg.h"
#include "engine/little_endian.h"
#include "engine/pack/blocks.h"
#include "engine/pack/rows.h"
#include "engine/pack/table.h"
#include "fuzz/input.h"
#include "fuzz/signing.h"

namespace penstock::fuzzing {
namespace {

constexpr uint8_t kCodecs = 3;
constexpr size_t kMaxRecords = 4;
constexpr int64_t kMaxPixels = 1 << 16;

// The columns of a table in memory.
class Columns {
 public:
  Columns(Bytes data, const PackTable& table) : data_(data), table_(table) {
    uint64_t end = 0;
    for (const PackSection& section : table.sections) {
      require(section.offset % 64 == 0 && section.offset >= end, "sections follow each other");
      end = section.offset + section.bytes;
      require(end <= table.bytes && table.bytes <= data.size, "sections lie inside their table");
      intact_ &= crc32c({data.data + section.offset, static_cast<size_t>(section.bytes)}) == section.crc32c;
    }
  }

  // nullptr where there are not `count` items of it.
  template <typename T>
  const T* column(SectionNumber number, uint64_t count) const {
    const PackSection* const section = table_.find(number);
    if (section == nullptr || section->count != count || !intact_) return nullptr;
    require(section->bytes == count * sizeof(T), "a column has its own type");
    return reinterpret_cast<const T*>(data_.data + section->offset);
  }

 private:
  Bytes data_;
  const PackTable& table_;
  bool intact_ = true;
};

// Rows of an index, or of a shard's footer, with the column of shards that a footer has not.
struct Rows {
  std::vector<int32_t> shard;
  PackRows columns;
};

std::optional<Rows> rows_of(const Columns& columns, uint64_t count, bool is_footer) {
  const uint32_t* const shards = columns.column<uint32_t>(kShardSection, count);
  const PackRows found = {static_cast<size_t>(count),
                          nullptr,
                          columns.column<int64_t>(kOffsetSection, count),
                          columns.column<int64_t>(kLengthSection, count),
                          columns.column<uint8_t>(kCodecSection, count),
                          columns.column<uint8_t>(kFlagsSection, count),
                          columns.column<int32_t>(kWidthSection, count),
                          columns.column<int32_t>(kHeightSection, count)};
  const bool all = found.offset && found.length && found.codec && found.flags && found.width && found.height;
  if (!all || !(shards || is_footer)) return std::nullopt;
  Rows rows = {std::vector<int32_t>(found.count), found};
  if (shards != nullptr) std::copy_n(shards, found.count, rows.shard.begin());
  rows.columns.shard = rows.shard.data();
  if (const int64_t* const offsets = columns.column<int64_t>(kNameOffsetSection, count + 1)) {
    names_in_order(offsets, found.count, offsets[count]);
  }
  return rows;
}

// As an engine reads it: from the shard, with the bytes after it.
void read_record(Bytes shard, const PackRows& rows, size_t row) {
  const size_t offset = static_cast<size_t>(rows.offset[row]), length = static_cast<size_t>(rows.length[row]);
  require(offset >= kBlockBytes && offset + length + 64 <= shard.size - kBlockBytes, "sound rows lie in their shard");
  Copy record({shard.data + offset, length}, 64);
  if (rows.codec[row] == 2) {
    RecordInMemory bytes(record.bytes());
    DctSource source;
    const Size size = source.open(bytes, rows.length[row], true);
    source.read({0, size.height / 2, std::min(size.width, 64), 1});
  } else if (rows.codec[row] == 0) {
    JpegDecoder decoder;
    const std::optional<Size> size = decoder.open(record.bytes());
    if (size && int64_t{size->height} * size->width <= kMaxPixels) decoder.decode({0, 0, size->width, size->height});
  } else {
    require(int64_t{rows.width[row]} * rows.height[row] * 3 == rows.length[row], "raw records have their pixels");
  }
}

void read_sound_rows(Bytes shard, const Rows& rows, ShardSizes sizes) {
  const BadRow bad = first_bad_row(rows.columns, sizes, kCodecs);
  require(bad.row <= rows.columns.count && (bad.reason == nullptr) == (bad.row == rows.columns.count),
          "a row is named");
  for (size_t row = 0; row < std::min(bad.row, kMaxRecords); ++row) {
    if (rows.shard[row] != 0 || static_cast<size_t>(sizes.bytes[0]) != shard.size) continue;  // another's
    try {
      read_record(shard, rows.columns, row);
    } catch (const Error& error) {
      require(error.fault() != Fault::kDataset, "bad records are no fault of the pack");
    }
  }
}

void read_index(Bytes file, Bytes shard) {
  const Copy copy(file);
  const Bytes data = copy.bytes();
  const IndexHeader header = IndexHeader::parse({data.data, std::min(data.size, kBlockBytes)});
  const Bytes rest = {data.data + kBlockBytes, data.size - kBlockBytes};
  const PackTable table = PackTable::parse(rest);
  const Columns columns(rest, table);
  const int64_t* const sizes = columns.column<int64_t>(kShardBytesSection, header.shards);
  const auto rows = rows_of(columns, header.rows, false);
  if (sizes != nullptr && rows) read_sound_rows(shard, *rows, {sizes, header.shards});
}

void read_shard(Bytes file) {
  const Copy copy(file);
  const Bytes data = copy.bytes();
  ShardHeader::parse({data.data, std::min(data.size, kBlockBytes)});
  const size_t last = data.size - std::min(data.size, kBlockBytes);
  const ShardTrailer trailer = ShardTrailer::parse({data.data + last, data.size - last}, data.size);
  const Copy footer({data.data + trailer.footer_offset, static_cast<size_t>(trailer.footer_bytes)});
  const PackTable table = PackTable::parse(footer.bytes());
  const Columns columns(footer.bytes(), table);
  const int64_t size = static_cast<int64_t>(data.size);
  if (const auto rows = rows_of(columns, trailer.rows, true)) read_sound_rows(data, *rows, {&size, 1});
}

template <typename Read>
void try_read(const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    require(error.fault() == Fault::kDataset, "damaged packs are DatasetErrors");
  }
}

}  // namespace
}  // namespace penstock::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  using namespace penstock::fuzzing;
  const Controls controls(data, size);
  Copy files(controls.rest());
  const size_t whole = controls.rest().size;
  const size_t index_bytes = std::min<size_t>(controls.u16(0) | uint32_t{controls.u16(2)} << 16, whole);
  if ((controls.u8(4) & 1) == 0) {
    sign_index(files.data(), index_bytes);
    sign_shard(files.data() + index_bytes, whole - index_bytes);
  }
  const Bytes index = {files.data(), index_bytes}, shard = {files.data() + index_bytes, whole - index_bytes};
  try_read([&] { read_index(index, shard); });
  try_read([&] { read_shard(shard); });
  return 0;
}

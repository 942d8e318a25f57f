#include "engine/pack/table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "engine/checksum/crc32c.h"
#include "engine/error.h"
#include "engine/little_endian.h"
#include "engine/pack/blocks.h"

namespace penstock {
namespace {

constexpr size_t kHeadBytes = 32;
constexpr size_t kEntryBytes = 32;
constexpr uint32_t kMaxSections = 64;
constexpr uint32_t kMaxWidth = 1 << 20;
constexpr uint32_t kFirstOptional = 1000;

struct ItemType {
  char name[5];  // with the zeros that the directory pads it to
  uint64_t bytes;
};
constexpr std::array<ItemType, 5> kTypes = {{{"|u1", 1}, {"<u4", 4}, {"<i4", 4}, {"<i8", 8}, {"<f4", 4}}};

struct KnownSection {
  SectionNumber number;
  const char* name;
  const char* type;
};
constexpr std::array<KnownSection, 15> kKnown = {{{kShardSection, "shard", "<u4"},
                                                  {kOffsetSection, "offset", "<i8"},
                                                  {kLengthSection, "length", "<i8"},
                                                  {kCodecSection, "codec", "|u1"},
                                                  {kFlagsSection, "flags", "|u1"},
                                                  {kWidthSection, "width", "<i4"},
                                                  {kHeightSection, "height", "<i4"},
                                                  {kChecksumSection, "checksum", "<u4"},
                                                  {kLabelSection, "label", "<i8"},
                                                  {kNameOffsetSection, "name_offset", "<i8"},
                                                  {kNamesSection, "names", "|u1"},
                                                  {kShardBytesSection, "shard_bytes", "<i8"},
                                                  {kShardRowsSection, "shard_rows", "<i8"},
                                                  {kSkippedSection, "skipped", "|u1"},
                                                  {kFallbacksSection, "fallbacks", "|u1"}}};

[[noreturn]] void refuse(const std::string& expected, const std::string& got) {
  throw Error(Fault::kDataset,
              "expected " + expected + ", got " + got + ": the file is damaged; restore it, or pack the dataset again");
}

const ItemType& type_at(const uint8_t* entry, uint32_t number) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const ItemType& type) { return std::memcmp(type.name, entry + 4, 4) == 0; });
  if (found == kTypes.end()) {
    refuse("a known type in section " + std::to_string(number), "bytes " + hexadecimal(u32_at(entry + 4)));
  }
  return *found;
}

// One entry of the directory, for a section that should begin at `position` in a table of `table_bytes`.
PackSection section_at(const uint8_t* entry, uint64_t position, uint64_t table_bytes) {
  const uint32_t number = u32_at(entry), width = u32_at(entry + 16);
  const ItemType& type = type_at(entry, number);
  if (width > kMaxWidth) {
    refuse("at most " + std::to_string(kMaxWidth) + " items per row in section " + std::to_string(number),
           std::to_string(width));
  }
  PackSection section = {number, type.name, u64_at(entry + 8), width, u32_at(entry + 20), u64_at(entry + 24), 0};
  const uint64_t row_bytes = type.bytes * std::max(width, uint32_t{1});
  const bool fits =
      section.offset == position && position <= table_bytes && section.count <= (table_bytes - position) / row_bytes;
  if (!fits) {
    refuse("section " + std::to_string(number) + " at " + std::to_string(position) + ", within " +
               std::to_string(table_bytes) + " bytes",
           std::to_string(section.offset) + " and " + std::to_string(section.count) + " x " +
               std::to_string(row_bytes) + " bytes");
  }
  section.bytes = section.count * row_bytes;
  return section;
}

// Labels are one or several int64, or several float32: one float is no position in the classes.
bool has_its_type(const PackSection& section, const KnownSection& known) {
  const bool is_type = std::strcmp(section.type, known.type) == 0;
  if (known.number != kLabelSection) return is_type && section.width == 0;
  return is_type || (std::strcmp(section.type, "<f4") == 0 && section.width > 0);
}

// Whether the section is one to keep, and not one that readers may ignore. Throws Error (kDataset).
bool is_known(const PackSection& section) {
  const auto known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const KnownSection& k) { return k.number == section.number; });
  if (known == kKnown.end()) {
    if (section.number >= kFirstOptional) return false;
    throw Error(Fault::kDataset, "section " + std::to_string(section.number) +
                                     " is unknown to this Penstock, and may not be ignored: upgrade penstock");
  }
  if (has_its_type(section, *known)) return true;
  const std::string types = known->number == kLabelSection ? "<i8 or <f4 x k" : known->type;
  refuse("section " + std::string(known->name) + " of " + types,
         std::string(section.type) + " x " + std::to_string(section.width));
}

// Bytes of the directory, whose checksum is right.
size_t checked_directory(Bytes data) {
  if (data.size < kHeadBytes) {
    refuse("a table of at least " + std::to_string(kHeadBytes) + " bytes", std::to_string(data.size));
  }
  const uint32_t count = u32_at(data.data);
  const size_t bytes = kHeadBytes + kEntryBytes * std::min(count, kMaxSections);
  if (count > kMaxSections || bytes > data.size) {
    refuse("at most " + std::to_string(kMaxSections) + " sections in " + std::to_string(data.size) + " bytes",
           std::to_string(count));
  }
  const uint32_t stored = u32_at(data.data + 4);
  const uint32_t computed = crc32c({data.data + 8, bytes - 8}, crc32c({data.data, 4}));
  if (computed != stored) refuse("a directory with CRC-32C " + hexadecimal(stored), hexadecimal(computed));
  return bytes;
}

void check_zero(const uint8_t* begin, const uint8_t* end, const char* where) {
  if (std::any_of(begin, end, [](uint8_t byte) { return byte != 0; })) {
    refuse(std::string("zeros ") + where, "other bytes");
  }
}

}  // namespace

PackTable PackTable::parse(Bytes data) {
  const size_t directory_bytes = checked_directory(data);
  PackTable table;
  table.rows = u64_at(data.data + 8);
  table.bytes = u64_at(data.data + 16);
  if (table.rows > kMaxPackRows || table.bytes > data.size) {
    refuse("at most " + std::to_string(kMaxPackRows) + " rows in " + std::to_string(data.size) + " bytes",
           std::to_string(table.rows) + " rows in " + std::to_string(table.bytes) + " bytes");
  }
  uint64_t position = aligned_in_pack(directory_bytes);
  for (const uint8_t* entry = data.data + kHeadBytes; entry != data.data + directory_bytes; entry += kEntryBytes) {
    const PackSection section = section_at(entry, position, table.bytes);
    position = aligned_in_pack(position + section.bytes);
    if (!is_known(section)) continue;
    if (table.find(static_cast<SectionNumber>(section.number)) != nullptr) {
      refuse("section " + std::to_string(section.number) + " once", "two");
    }
    table.sections.push_back(section);
  }
  if (position != table.bytes) {
    refuse("sections that end at " + std::to_string(table.bytes), std::to_string(position));
  }
  check_zero(data.data + 24, data.data + kHeadBytes, "at the end of the table's head");
  check_zero(data.data + directory_bytes, data.data + aligned_in_pack(directory_bytes), "after the directory");
  return table;
}

const PackSection* PackTable::find(SectionNumber number) const {
  const auto found =
      std::find_if(sections.begin(), sections.end(), [&](const PackSection& s) { return s.number == number; });
  return found == sections.end() ? nullptr : &*found;
}

}  // namespace penstock

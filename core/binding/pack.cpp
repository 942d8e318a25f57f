// The parts of a pack's files that are read before anything in them is believed.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "binding/arguments.h"
#include "binding/bytes_view.h"
#include "binding/register.h"
#include "engine/error.h"
#include "engine/pack/blocks.h"
#include "engine/pack/rows.h"
#include "engine/pack/table.h"

namespace py = pybind11;

namespace penstock {
namespace {

// (number, type, count, width, crc32c, offset, bytes)
using SectionTuple = std::tuple<uint32_t, const char*, uint64_t, uint32_t, uint32_t, uint64_t, uint64_t>;

py::bytes bytes_of(const PackId& id) { return {reinterpret_cast<const char*>(id.data()), id.size()}; }

// What `read` gives; its errors begin with `place`.
template <typename Read>
auto at_place(const std::string& place, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.fault(), place + ": " + error.what());
  }
}

py::tuple read_shard_header(const py::object& block, const std::string& place) {
  const BytesView view(block);
  const ShardHeader header = at_place(place, [&] { return ShardHeader::parse(view.bytes()); });
  return py::make_tuple(header.number, bytes_of(header.pack_id));
}

py::tuple read_shard_trailer(const py::object& block, uint64_t file_bytes, const std::string& place) {
  const BytesView view(block);
  const ShardTrailer trailer = at_place(place, [&] { return ShardTrailer::parse(view.bytes(), file_bytes); });
  return py::make_tuple(trailer.number, trailer.footer_offset, trailer.footer_bytes, trailer.rows);
}

py::tuple read_index_header(const py::object& block, const std::string& place) {
  const BytesView view(block);
  const IndexHeader header = at_place(place, [&] { return IndexHeader::parse(view.bytes()); });
  return py::make_tuple(header.shards, bytes_of(header.pack_id), header.rows, header.manifest_crc32c);
}

std::tuple<uint64_t, uint64_t, std::vector<SectionTuple>> read_table(const py::object& data, const std::string& place) {
  const BytesView view(data);
  const PackTable table = at_place(place, [&] { return PackTable::parse(view.bytes()); });
  std::vector<SectionTuple> sections;
  for (const PackSection& s : table.sections) {
    sections.emplace_back(s.number, s.type, s.count, s.width, s.crc32c, s.offset, s.bytes);
  }
  return {table.rows, table.bytes, sections};
}

std::optional<std::tuple<size_t, const char*>> find_bad_row(const py::object& records, const py::object& flags,
                                                            const py::object& shard_bytes, uint8_t codecs) {
  const py::ssize_t count = column_length("flags", flags), shards = column_length("shard_bytes", shard_bytes);
  const auto file = array_argument<int32_t>("records.file", records.attr("file"), {count});
  const auto offset = array_argument<int64_t>("records.offset", records.attr("offset"), {count});
  const auto length = array_argument<int64_t>("records.length", records.attr("length"), {count});
  const auto codec = array_argument<uint8_t>("records.codec", records.attr("codec"), {count});
  const auto width = array_argument<int32_t>("records.width", records.attr("width"), {count});
  const auto height = array_argument<int32_t>("records.height", records.attr("height"), {count});
  const auto checked_flags = array_argument<uint8_t>("flags", flags, {count});
  const auto sizes = array_argument<int64_t>("shard_bytes", shard_bytes, {shards});
  const PackRows rows = {static_cast<size_t>(count), file.data(),  offset.data(), length.data(), codec.data(),
                         checked_flags.data(),       width.data(), height.data()};
  const BadRow bad = first_bad_row(rows, {sizes.data(), static_cast<size_t>(shards)}, codecs);
  if (bad.reason == nullptr) return std::nullopt;
  return std::make_tuple(bad.row, bad.reason);
}

bool are_names_in_order(const py::object& offsets, int64_t size) {
  const py::ssize_t count = column_length("offsets", offsets);
  const auto column = array_argument<int64_t>("offsets", offsets, {count});
  const py::gil_scoped_release unlocked;
  return count > 0 && names_in_order(column.data(), static_cast<size_t>(count - 1), size);
}

}  // namespace

void register_pack(py::module_& module) {
  module.def("read_shard_header", &read_shard_header, py::arg("block"), py::arg("place"));
  module.def("read_shard_trailer", &read_shard_trailer, py::arg("block"), py::arg("file_bytes"), py::arg("place"));
  module.def("read_index_header", &read_index_header, py::arg("block"), py::arg("place"));
  module.def("read_table", &read_table, py::arg("data"), py::arg("place"));
  module.def("find_bad_row", &find_bad_row, py::arg("records"), py::arg("flags"), py::arg("shard_bytes"),
             py::arg("codecs"));
  module.def("names_in_order", &are_names_in_order, py::arg("offsets"), py::arg("size"));
}

}  // namespace penstock

#include "binding/records.h"

#include <pybind11/numpy.h>

#include <cstring>
#include <string>
#include <unordered_map>

#include "binding/arguments.h"
#include "engine/error.h"
#include "engine/reader.h"

namespace py = pybind11;

namespace penstock {
namespace {

[[noreturn]] void refuse(const char* column, py::ssize_t row, const std::string& expected, int64_t got) {
  throw Error(Fault::kOption, std::string("records.") + column + ": expected " + expected + ", got " +
                                  std::to_string(got) + " in row " + std::to_string(row));
}

template <typename T>
py::array_t<T, py::array::c_style> column(py::handle records, const char* name, py::ssize_t rows) {
  return array_argument<T>(("records." + std::string(name)).c_str(), records.attr(name), {rows});
}

std::string file_system_path(py::handle path) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) throw py::error_already_set();
  return py::reinterpret_steal<py::bytes>(encoded);
}

// Copies only the paths that rows refer to: a dataset may pass all that it has.
class PathTable {
 public:
  PathTable(const py::object& paths, std::vector<std::string>& used)
      : paths_(paths), size_(py::len(paths)), used_(used) {}

  int64_t use(int32_t file, py::ssize_t row) {
    if (file < 0 || static_cast<size_t>(file) >= size_) {
      refuse("file", row, "0 to " + std::to_string(size_) + " - 1 for a row without payload", file);
    }
    const auto [known, is_new] = positions_.emplace(file, static_cast<int64_t>(used_.size()));
    if (is_new) used_.push_back(file_system_path(paths_[py::int_(file)]));
    return known->second;
  }

 private:
  py::object paths_;
  size_t size_;
  std::vector<std::string>& used_;
  std::unordered_map<int32_t, int64_t> positions_;
};

void read_locations(py::handle records, py::ssize_t rows, HeldRecords& held) {
  const auto file = column<int32_t>(records, "file", rows);
  const auto offset = column<int64_t>(records, "offset", rows);
  const auto length = column<int64_t>(records, "length", rows);
  PathTable table(records.attr("paths"), held.paths);
  for (py::ssize_t row = 0; row < rows; ++row) {
    Sample& sample = held.samples[static_cast<size_t>(row)];
    if (sample.payload.data != nullptr) continue;
    sample.file = table.use(file.at(row), row);
    sample.offset = offset.at(row);
    sample.length = length.at(row);
    if (sample.offset < 0) refuse("offset", row, "0 or more", sample.offset);
    if (sample.length < kWholeFile) refuse("length", row, "0 or more, or WHOLE_FILE (-1)", sample.length);
  }
}

void read_payloads(py::handle records, py::ssize_t rows, HeldRecords& held) {
  static constexpr uint8_t kNothing = 0;
  const py::object payloads = records.attr("payloads");
  if (payloads.is_none()) return;
  if (static_cast<py::ssize_t>(py::len(payloads)) != rows) {
    throw Error(Fault::kOption, "records.payloads: expected None or " + std::to_string(rows) + " payloads, got " +
                                    std::to_string(py::len(payloads)));
  }
  for (py::ssize_t row = 0; row < rows; ++row) {
    const py::object payload = payloads[py::int_(row)];
    if (payload.is_none()) continue;
    held.payloads.push_back(std::make_unique<BytesView>(payload));
    Bytes& bytes = held.samples[static_cast<size_t>(row)].payload;
    bytes = held.payloads.back()->bytes();
    if (bytes.data == nullptr) bytes.data = &kNothing;  // an empty payload is one too
  }
}

void read_images(py::handle records, py::ssize_t rows, HeldRecords& held) {
  const auto codec = column<uint8_t>(records, "codec", rows);
  const auto width = column<int32_t>(records, "width", rows);
  const auto height = column<int32_t>(records, "height", rows);
  for (py::ssize_t row = 0; row < rows; ++row) {
    Sample& sample = held.samples[static_cast<size_t>(row)];
    if (codec.at(row) > static_cast<uint8_t>(Codec::kDct)) {
      refuse("codec", row, "a value of Codec that this version reads (0 to 2)", codec.at(row));
    }
    sample.codec = static_cast<Codec>(codec.at(row));
    if (sample.codec == Codec::kDct && sample.file >= 0 && sample.length == kWholeFile) {
      refuse("length", row, "0 or more for a dct record", sample.length);
    }
    sample.size = {height.at(row), width.at(row)};
  }
}

void read_checksums(py::handle records, py::ssize_t rows, HeldRecords& held) {
  if (records.attr("checksum").is_none()) return;
  const auto checksum = column<uint32_t>(records, "checksum", rows);
  for (py::ssize_t row = 0; row < rows; ++row) held.samples[static_cast<size_t>(row)].crc32c = checksum.at(row);
}

}  // namespace

HeldRecords read_records(py::handle records) {
  for (const char* name : {"codec", "file", "offset", "length", "width", "height", "paths", "payloads", "checksum"}) {
    if (py::hasattr(records, name)) continue;
    throw Error(Fault::kOption, "records: expected penstock.record.Records, got " +
                                    std::string(Py_TYPE(records.ptr())->tp_name) + " without `" + name + "`");
  }
  const py::ssize_t rows = column_length("records.codec", records.attr("codec"));
  HeldRecords held;
  held.samples.resize(static_cast<size_t>(rows));
  read_images(records, rows, held);
  read_checksums(records, rows, held);
  read_payloads(records, rows, held);
  read_locations(records, rows, held);
  return held;
}

}  // namespace penstock

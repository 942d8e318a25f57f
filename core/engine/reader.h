// Reads the bytes of records: whole files, or ranges of files that stay open.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/geometry.h"
#include "engine/scratch.h"

namespace penstock {

constexpr int64_t kWholeFile = -1;  // as a length

// What one thread reads into, over and over.
using ReadBuffer = Scratch<uint8_t>;

// An open file; closed on destruction. Immutable, so that threads can share it.
class OpenFile {
 public:
  // Throws Error (kMissingFile, kIo).
  explicit OpenFile(const std::string& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  // The bytes [offset, offset + length), or to the end for kWholeFile, in `buffer`, with kReadAhead readable bytes
  // after them. Throws Error (kTruncated, kIo).
  Bytes read(int64_t offset, int64_t length, ReadBuffer& buffer) const;

  // Has the system bring these bytes from the disk, without waiting for them.
  void announce(int64_t offset, int64_t length) const;

 private:
  int descriptor_;
};

// Thread-safe. Keeps the files open from which ranges are read, up to a number of them; a file that is replaced
// meanwhile goes on to give its old bytes, one that is cut short gives kTruncated.
class Reader {
 public:
  static constexpr size_t kMaxOpenFiles = 256;  // a quarter of what a process may usually have

  // The bytes lie in `buffer` until its next use. Throws Error (kMissingFile, kTruncated, kIo).
  Bytes read(const std::string& path, int64_t offset, int64_t length, ReadBuffer& buffer);

  // Has the system bring these bytes from the disk, without waiting for them. Files that can't be opened are left to
  // `read` to complain about.
  void announce(const std::string& path, int64_t offset, int64_t length);

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const OpenFile>>;

  std::shared_ptr<const OpenFile> open(const std::string& path);
  std::shared_ptr<const OpenFile> find(const std::string& path);

  std::mutex mutex_;
  std::list<Entry> recent_;  // the file used last in front
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path_;
};

// Throws Error(kChecksum) unless the CRC-32C of `data` is `expected`.
void check_crc32c(Bytes data, uint32_t expected);

}  // namespace penstock

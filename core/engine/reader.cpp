#include "engine/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "engine/checksum/crc32c.h"
#include "engine/error.h"

// The wording of messages is that of formats/reading.py.
namespace penstock {
namespace {

std::string reason_of(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail_truncated(int64_t offset, int64_t expected, int64_t got) {
  throw Error(Fault::kTruncated,
              "expected " + std::to_string(expected) + " bytes at offset " + std::to_string(offset) + ", got " +
                  std::to_string(got) +
                  ": the file is shorter than its index says; restore it, or write the dataset again");
}

// pread until `length` bytes are there or the file ends; returns how many came.
int64_t read_fully(int descriptor, uint8_t* data, int64_t length, int64_t offset) {
  int64_t done = 0;
  while (done < length) {
    const ssize_t got = pread(descriptor, data + done, static_cast<size_t>(length - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += got;
  }
  return done;
}

}  // namespace

OpenFile::OpenFile(const std::string& path) {
  do {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer for ever; regular files don't care.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ >= 0) return;
  if (errno == ENOENT) {
    throw Error(Fault::kMissingFile, "the file is not there; restore it, or leave it out of the dataset");
  }
  throw Error(Fault::kIo, "the file can't be opened: " + reason_of(errno));
}

OpenFile::~OpenFile() { ::close(descriptor_); }

Bytes OpenFile::read(int64_t offset, int64_t length, ReadBuffer& buffer) const {
  struct stat status;
  if (fstat(descriptor_, &status) != 0) throw Error(Fault::kIo, "the file can't be read: " + reason_of(errno));
  if (S_ISDIR(status.st_mode)) throw Error(Fault::kIo, "the file can't be read: " + reason_of(EISDIR));
  if (!S_ISREG(status.st_mode)) {
    throw Error(Fault::kIo, "the file can't be read: it is a named pipe, socket or device; leave it out");
  }
  // Before memory is taken: a damaged index may promise more than there is memory.
  const int64_t available = std::max<int64_t>(0, status.st_size - offset);
  if (length == kWholeFile) length = status.st_size;
  if (length > available) fail_truncated(offset, length, available);
  uint8_t* const data = buffer.reserve(static_cast<size_t>(length) + kReadAhead);
  const int64_t got = read_fully(descriptor_, data, length, offset);
  if (got < 0) throw Error(Fault::kIo, "the file can't be read: " + reason_of(errno));
  if (got < length) fail_truncated(offset, length, got);
  return {data, static_cast<size_t>(length)};
}

void OpenFile::announce(int64_t offset, int64_t length) const {
#ifdef POSIX_FADV_WILLNEED
  constexpr int64_t kToTheEnd = 0;
  posix_fadvise(descriptor_, offset, length == kWholeFile ? kToTheEnd : length, POSIX_FADV_WILLNEED);
#else
  static_cast<void>(offset);
  static_cast<void>(length);
#endif
}

Bytes Reader::read(const std::string& path, int64_t offset, int64_t length, ReadBuffer& buffer) {
  if (length == kWholeFile) return OpenFile(path).read(offset, length, buffer);
  return open(path)->read(offset, length, buffer);
}

void Reader::announce(const std::string& path, int64_t offset, int64_t length) {
  try {
    if (length == kWholeFile) return OpenFile(path).announce(0, length);
    open(path)->announce(offset, length);
  } catch (const Error&) {
    return;
  }
}

std::shared_ptr<const OpenFile> Reader::open(const std::string& path) {
  if (std::shared_ptr<const OpenFile> known = find(path)) return known;
  // Outside the lock: a slow file system must not hold up threads whose files are open.
  auto opened = std::make_shared<const OpenFile>(path);
  std::shared_ptr<const OpenFile> evicted;  // closed outside the lock too
  const std::lock_guard<std::mutex> lock(mutex_);
  if (by_path_.count(path) != 0) return opened;  // another thread was faster
  if (recent_.size() == kMaxOpenFiles) {
    evicted = std::move(recent_.back().second);
    by_path_.erase(recent_.back().first);
    recent_.pop_back();
  }
  recent_.emplace_front(path, opened);
  by_path_[path] = recent_.begin();
  return opened;
}

std::shared_ptr<const OpenFile> Reader::find(const std::string& path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = by_path_.find(path);
  if (known == by_path_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, known->second);
  return known->second->second;
}

void check_crc32c(Bytes data, uint32_t expected) {
  const uint32_t got = crc32c(data);
  if (got == expected) return;
  char text[200];
  std::snprintf(
      text, sizeof text,
      "checksum mismatch: expected CRC-32C %08x, got %08x: the stored bytes have changed; restore the file, or "
      "write the dataset again",
      expected, got);
  throw Error(Fault::kChecksum, text);
}

}  // namespace penstock

// A dct record as a source of pixels: reads no more of it than its head and the rows that are asked for.
#pragma once

#include <cstdint>

#include "engine/dct/decoder.h"
#include "engine/dct/record.h"
#include "engine/execute.h"
#include "engine/geometry.h"
#include "engine/reader.h"

namespace penstock {

// The bytes of one record, wherever they are.
class RecordBytes {
 public:
  virtual ~RecordBytes() = default;

  // `length` bytes at `offset` of the record, in `buffer`, with kReadAhead readable bytes after them. Throws Error
  // (kMissingFile, kTruncated, kIo).
  virtual Bytes read(int64_t offset, int64_t length, ReadBuffer& buffer) = 0;
};

// Reusable, with all the memory that it works in; not thread-safe.
class DctSource : public PlaneSource {
 public:
  // Reads the head of a record of `record_bytes`: the image's size. `check`: compare the CRCs of rows as they are read
  // (that of the head always is). `record` must stay valid while `read` is called. Throws Error (kDecode, kTruncated,
  // kChecksum), or what `record` throws.
  Size open(RecordBytes& record, int64_t record_bytes, bool check);

  const DctHead& head() const { return head_; }

  Planes read(Rect rect) override;

 private:
  RecordBytes* record_ = nullptr;
  bool check_ = true;
  DctHead head_;
  DctDecoder decoder_;
  ReadBuffer buffer_;
};

// A record in memory that belongs to somebody else. Gives copies, because nothing is known about what lies behind it.
class RecordInMemory : public RecordBytes {
 public:
  explicit RecordInMemory(Bytes record) : record_(record) {}
  Bytes read(int64_t offset, int64_t length, ReadBuffer& buffer) override;

 private:
  Bytes record_;
};

}  // namespace penstock

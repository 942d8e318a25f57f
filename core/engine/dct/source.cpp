#include "engine/dct/source.h"

#include <algorithm>
#include <cstring>

namespace penstock {

Size DctSource::open(RecordBytes& record, int64_t record_bytes, bool check) {
  record_ = &record;
  check_ = check;
  Bytes start = record.read(0, std::min<int64_t>(record_bytes, kDctUsualHead), buffer_);
  const auto head_bytes = static_cast<int64_t>(DctHead::size_of(start));
  if (head_bytes > static_cast<int64_t>(start.size)) {
    start = record.read(0, std::min(record_bytes, head_bytes), buffer_);
  }
  head_.parse(start, static_cast<size_t>(record_bytes));
  return head_.frame().size;
}

Planes DctSource::read(Rect rect) {
  const RowRange range = rows_for(head_.frame(), rect);
  const auto from = static_cast<int64_t>(head_.row_offset(range.first));
  const auto to = static_cast<int64_t>(head_.row_offset(range.last));
  return decoder_.decode(head_, record_->read(from, to - from, buffer_), rect, check_);
}

Bytes RecordInMemory::read(int64_t offset, int64_t length, ReadBuffer& buffer) {
  uint8_t* const to = buffer.reserve(static_cast<size_t>(length) + kReadAhead);
  if (length > 0) std::memcpy(to, record_.data + offset, static_cast<size_t>(length));
  return {to, static_cast<size_t>(length)};
}

}  // namespace penstock

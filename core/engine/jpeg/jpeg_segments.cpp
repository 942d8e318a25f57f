#include "engine/jpeg/jpeg_segments.h"

#include <cstring>
#include <string>

#include "engine/error.h"

namespace penstock {

uint8_t JpegSegments::next_marker() {
  need(1);
  if (data_.data[at_] != 0xFF) return kNoMarker;
  while (data_.data[at_] == 0xFF) {  // any number of fill bytes is legal
    ++at_;
    need(1);
  }
  return data_.data[at_++];
}

std::optional<Bytes> JpegSegments::next_segment() {
  need(2);
  const size_t length = size_t{data_.data[at_]} << 8 | data_.data[at_ + 1];
  if (length < 2) return std::nullopt;
  need(length);
  const Bytes payload{data_.data + at_ + 2, length - 2};
  at_ += length;
  return payload;
}

uint8_t JpegSegments::marker_after_scan() {
  while (at_ < data_.size) {
    const void* found = std::memchr(data_.data + at_, 0xFF, data_.size - at_);
    if (found == nullptr) return kNoMarker;
    at_ = static_cast<size_t>(static_cast<const uint8_t*>(found) - data_.data);
    while (at_ < data_.size && data_.data[at_] == 0xFF) ++at_;
    if (at_ == data_.size) return kNoMarker;
    const uint8_t marker = data_.data[at_++];
    if (marker != 0 && !is_restart(marker)) return marker;  // 0: a stuffed 0xFF
  }
  return kNoMarker;
}

void JpegSegments::need(size_t bytes) const {
  if (bytes <= data_.size - at_) return;
  throw Error(Fault::kTruncated, "the JPEG ends inside a marker segment, at byte " + std::to_string(data_.size) +
                                     "; fetch the file again, or remove it");
}

}  // namespace penstock

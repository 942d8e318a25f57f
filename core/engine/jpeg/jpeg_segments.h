// The marker segments of a JPEG file (ITU-T T.81, annex B), bounds-checked.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/geometry.h"

namespace penstock {

enum JpegMarker : uint8_t {
  kNoMarker = 0x00,
  kSof0 = 0xC0,  // baseline
  kSof1 = 0xC1,  // extended sequential
  kSof2 = 0xC2,  // progressive
  kDht = 0xC4,
  kRst0 = 0xD0,
  kRst7 = 0xD7,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp0 = 0xE0,
  kApp2 = 0xE2,
  kApp13 = 0xED,
  kApp14 = 0xEE,
  kApp15 = 0xEF,
  kCom = 0xFE,
};

inline bool is_restart(int marker) { return marker >= kRst0 && marker <= kRst7; }

// Goes through the data from marker to marker. Throws Error(kTruncated) where they end inside a marker or a segment.
class JpegSegments {
 public:
  JpegSegments(Bytes data, size_t at) : data_(data), at_(at) {}

  // The marker that follows at once, or kNoMarker where something else does.
  uint8_t next_marker();

  // The payload of the segment that follows a marker; nullopt for an impossible length.
  std::optional<Bytes> next_segment();

  // Skips entropy-coded data with their restart markers, and garbage, up to the next marker. kNoMarker: there is none.
  uint8_t marker_after_scan();

  // Where the next of these calls begins.
  size_t position() const { return at_; }

 private:
  void need(size_t bytes) const;

  Bytes data_;
  size_t at_;
};

}  // namespace penstock

#include "engine/jpeg/jpeg_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "engine/error.h"
#include "engine/jpeg/jpeg_segments.h"

namespace penstock {
namespace {

// Pillow raises DecompressionBombError above twice Image.MAX_IMAGE_PIXELS (0.25 GiB of RGB).
constexpr int64_t kMaxPixels = 2 * (int64_t{1024} * 1024 * 1024 / 4 / 3);

int u16(const uint8_t* p) { return p[0] << 8 | p[1]; }

bool starts_with(Bytes segment, const char* prefix, size_t length) {
  return segment.size >= length && std::memcmp(segment.data, prefix, length) == 0;
}

// Whether Pillow gets through Photoshop's image resources: it survives missing bytes, except for the name's length.
bool is_plain_photoshop(Bytes segment) {
  size_t at = 14;
  while (at + 4 <= segment.size && std::memcmp(segment.data + at, "8BIM", 4) == 0) {
    at += 4;
    if (at + 2 > segment.size) return true;
    at += 2;
    if (at >= segment.size) return false;
    at += 1 + size_t{segment.data[at]};
    at += at & 1;
    if (at + 4 > segment.size) return true;
    at += 4 + (static_cast<size_t>(u16(segment.data + at)) << 16) + static_cast<size_t>(u16(segment.data + at + 2));
    at += at & 1;
  }
  return true;
}

// Whether Pillow reads this application segment without raising.
bool is_plain_app(uint8_t marker, Bytes segment) {
  if (marker == kApp0 && starts_with(segment, "JFIF", 4)) return segment.size >= 7;
  if (marker == kApp2 && starts_with(segment, "ICC_PROFILE\0", 12)) return segment.size >= 14;
  if (marker == kApp13 && starts_with(segment, "Photoshop 3.0\0", 14)) return is_plain_photoshop(segment);
  if (marker == kApp14 && starts_with(segment, "Adobe", 5)) return segment.size >= 7;
  return true;
}

// Whether the segment holds whole quantisation tables.
bool is_plain_dqt(Bytes segment) {
  size_t at = 0;
  while (at < segment.size) at += 1 + (segment.data[at] < 16 ? 64 : 128);
  return at == segment.size;
}

bool is_app(uint8_t marker) { return marker >= kApp0 && marker <= kApp15; }

// Tables, comments and application data.
bool is_miscellaneous(uint8_t marker) {
  return marker == kDht || marker == kDqt || marker == kDri || marker == kCom || is_app(marker);
}

bool is_plain(uint8_t marker, Bytes segment) {
  if (marker == kDqt) return is_plain_dqt(segment);
  return !is_app(marker) || is_plain_app(marker, segment);
}

struct Frame {
  Size size;
  int components = 0;
  std::array<uint8_t, 3> ids{};
  bool progressive = false;
};

std::optional<Frame> read_frame(uint8_t marker, Bytes segment) {
  if (segment.size < 6 || segment.data[0] != 8) return std::nullopt;
  Frame frame{{u16(segment.data + 1), u16(segment.data + 3)}, segment.data[5], {}, marker == kSof2};
  const bool known = frame.components == 1 || frame.components == 3;
  if (!known || segment.size != 6 + 3 * static_cast<size_t>(frame.components)) return std::nullopt;
  if (frame.size.height == 0 || frame.size.width == 0) return std::nullopt;
  for (int i = 0; i < frame.components; ++i) frame.ids[i] = segment.data[6 + 3 * i];
  return frame;
}

// Follows a progressive file's scans: which bits of which coefficients have come.
class ScanProgress {
 public:
  explicit ScanProgress(const Frame& frame) : frame_(frame) {
    for (auto& missing : missing_bits_) missing.fill(kAll);
  }

  // False for a scan that makes no sense.
  bool add(Bytes segment) {
    const size_t count = segment.size > 0 ? segment.data[0] : 0;
    if (count < 1 || count > 3 || segment.size != 4 + 2 * count) return false;
    const uint8_t* spectral = segment.data + 1 + 2 * count;
    const int first = spectral[0], last = spectral[1], missing = spectral[2] & 15;
    if (first > last || last > 63) return false;
    for (size_t i = 0; i < count; ++i) {
      const auto end = frame_.ids.begin() + frame_.components;
      const auto id = std::find(frame_.ids.begin(), end, segment.data[1 + 2 * i]);
      if (id == end) return false;
      auto& component = missing_bits_[id - frame_.ids.begin()];
      std::fill(component.begin() + first, component.begin() + last + 1, missing);
    }
    return true;
  }

  bool complete() const {
    return std::all_of(missing_bits_.begin(), missing_bits_.begin() + frame_.components, [](const auto& component) {
      return std::all_of(component.begin(), component.end(), [](int missing) { return missing == 0; });
    });
  }

 private:
  static constexpr int kAll = 16;

  Frame frame_;
  std::array<std::array<int, 64>, 3> missing_bits_;
};

// From the first scan's header, which is `scan`, to the end of the image.
bool has_all_scans(const Frame& frame, Bytes scan, JpegSegments& segments, size_t size) {
  ScanProgress progress(frame);
  if (!progress.add(scan)) return false;
  for (;;) {
    const uint8_t marker = segments.marker_after_scan();
    if (marker == kEoi) return progress.complete();
    if (marker == kNoMarker) {
      throw Error(Fault::kTruncated, "the progressive JPEG ends inside a scan, at byte " + std::to_string(size) +
                                         "; fetch the file again, or remove it");
    }
    if (marker != kSos && !is_miscellaneous(marker)) return false;
    const std::optional<Bytes> segment = segments.next_segment();
    if (!segment || (marker == kSos && !progress.add(*segment))) return false;
  }
}

void check_pixels(Size size) {
  if (int64_t{size.height} * size.width <= kMaxPixels) return;
  throw Error(Fault::kDecode, "expected at most " + std::to_string(kMaxPixels) +
                                  " pixels (Pillow's limit), the header says " + std::to_string(size.width) + "x" +
                                  std::to_string(size.height) + "; scale the image down, or remove it");
}

std::optional<Size> read_segments(Bytes data) {
  JpegSegments segments(data, 2);
  std::optional<Frame> frame;
  for (;;) {
    const uint8_t marker = segments.next_marker();
    const bool is_frame = marker >= kSof0 && marker <= kSof2;
    if (!is_frame && marker != kSos && !is_miscellaneous(marker)) return std::nullopt;
    const std::optional<Bytes> segment = segments.next_segment();
    if (!segment || !is_plain(marker, *segment)) return std::nullopt;
    if (marker == kSos) {
      if (!frame) return std::nullopt;
      check_pixels(frame->size);
      if (frame->progressive && !has_all_scans(*frame, *segment, segments, data.size)) return std::nullopt;
      return frame->size;
    }
    if (is_frame) {
      if (frame) return std::nullopt;
      frame = read_frame(marker, *segment);
      if (!frame) return std::nullopt;
    }
  }
}

}  // namespace

std::optional<Size> read_jpeg_header(Bytes data) {
  if (data.size < 3 || data.data[0] != 0xFF || data.data[1] != 0xD8 || data.data[2] != 0xFF) return std::nullopt;
  return read_segments(data);
}

void refuse_other_kind() {
  throw Error(
      Fault::kOption,
      "data: expected a JPEG of 8 bits, grey or with 3 components, Huffman-coded; got something else, which goes to "
      "Pillow (probe_image tells)");
}

}  // namespace penstock

// Decodes JPEGs, or regions of them, to planes of RGB, with the pixels and the verdicts of Pillow.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/geometry.h"

namespace penstock {

// Who decodes: libjpeg-turbo everything, or BaselineDecoder, which is faster, what it is sure about.
enum class JpegBackend { kFastest, kLibjpeg };

// Reusable, not thread-safe. The accurate integer inverse DCT and fancy upsampling, grey as RGB: what Pillow gives
// after convert("RGB"). As in Pillow, libjpeg's warnings are ignored, and data that end before the last row are an
// error.
class JpegDecoder {
 public:
  explicit JpegDecoder(JpegBackend backend = JpegBackend::kFastest);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  // Reads the header: the image's size, or nullopt for what Pillow decodes or refuses. `data` must stay valid until the
  // next `open`. Throws Error (kDecode, kTruncated).
  std::optional<Size> open(Bytes data);

  // Decodes `region`, which must lie inside the image; call once per `open`. Equal to cutting the whole decode, and
  // throws where the whole decode would, also for damage outside the region. The pixels are the decoder's, valid until
  // its next call; kReadAhead bytes after the last row of each plane may be read. The planes of a grey image are one.
  // Throws Error (kDecode, kTruncated).
  Planes decode(Rect region);

  // Decodes everything and drops the pixels; call once per `open`, instead of `decode`. Throws Error as `decode`.
  void check();

  // Chroma subsampling of the open image: "4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1" ..., "grey", or factors such as
  // "2x2,1x2,1x1". Throws Error as `open`.
  std::string sampling() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace penstock

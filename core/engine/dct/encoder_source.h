// The coefficients of a JPEG, through libjpeg.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/dct/frame.h"
#include "engine/geometry.h"
#include "engine/jpeg/jpeg_guard.h"
#include "engine/jpeg/jpeg_segments.h"
#include "engine/jpeg/jpeg_source.h"

namespace penstock {

// As libjpeg holds them: 64 coefficients row by row, DC first.
using Block = JCOEF[kBlockItems];

class JpegCoefficients {
 public:
  // `jpeg` must satisfy read_jpeg_header, and stay valid.
  explicit JpegCoefficients(Bytes jpeg);
  ~JpegCoefficients();
  JpegCoefficients(const JpegCoefficients&) = delete;
  JpegCoefficients& operator=(const JpegCoefficients&) = delete;

  // Reads the header; nullopt where libjpeg refuses it.
  std::optional<ColorModel> read_color();

  // Reads the whole file. Empty, or why a dct record can't represent it; there is nothing but the reason then.
  std::string read();

  const DctFrame& frame() const { return frame_; }

  // The blocks of one row, valid until the next call. Throws Error(kDecode).
  const Block* row(int component, int block_row);

 private:
  bool read_all();
  std::string read_frame();

  JpegGuard guard_;
  jpeg_decompress_struct info_;
  SuspendingSource source_;
  jpeg_progress_mgr progress_;
  jvirt_barray_ptr* arrays_ = nullptr;
  DctFrame frame_;
};

inline bool is_metadata(uint8_t marker) { return (marker >= kApp0 && marker <= kApp15) || marker == kCom; }

// The APPn and COM segments of a JPEG, markers included, one after the other. False where some stand behind the first
// scan, where they may mean something else.
bool read_metadata(Bytes jpeg, std::vector<uint8_t>& metadata);

}  // namespace penstock

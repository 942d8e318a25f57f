// What an ordinary baseline JPEG says before its entropy-coded data.
#pragma once

#include <array>
#include <cstddef>

#include "engine/dct/frame.h"
#include "engine/geometry.h"
#include "engine/jpeg/huffman.h"

namespace penstock {

struct BaselineHeader {
  DctFrame frame;                                  // the one component of a grey image with factors of 1
  std::array<HuffmanCode, kMaxComponents> dc, ac;  // by component
  size_t scan = 0;                                 // where the entropy-coded data begin

  int blocks_in_mcu() const;
  int mcus_in_row() const;

  // False for what is not plain: whatever libjpeg refuses, warns about or may read otherwise, several scans, restart
  // markers, sampling factors or quantisers that the dct codec does not know. `data` have passed read_jpeg_header.
  // Throws Error (kTruncated).
  bool parse(Bytes data);
};

}  // namespace penstock

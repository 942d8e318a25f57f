// JPEGs to dct records and back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/geometry.h"

namespace penstock {

// What became of a JPEG.
struct EncodedDct {
  std::vector<uint8_t> record;  // empty where the file has to stay as it is
  std::string reason;           // why: in words for people, the same for all files with this cause; else empty
  Size size;
};

// Reads the coefficients of a JPEG, baseline or progressive, and stores them. A file that libjpeg refuses, or that ends
// early, is an error as in JpegDecoder; one that this codec can't represent (design: CMYK, 12 bits, missing scans,
// warnings, factors ...) gives a reason. Throws Error (kDecode, kTruncated). Thread-safe.
EncodedDct encode_dct(Bytes jpeg);

// A baseline JPEG (extended sequential or progressive where baseline can't hold it) with the coefficients, tables,
// factors and metadata segments of the record. Throws Error (kDecode, kTruncated, kChecksum). Thread-safe.
std::vector<uint8_t> rebuild_jpeg(Bytes record);

}  // namespace penstock

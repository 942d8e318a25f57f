// Reads a JPEG's marker segments, as Pillow's JpegImagePlugin does, and decides who decodes it.
#pragma once

#include <optional>

#include "engine/geometry.h"

namespace penstock {

// The size, where the file is an 8-bit Huffman-coded JPEG of 1 or 3 components with an unremarkable header and, if it
// is progressive, with all its scans (versions of libjpeg-turbo differ in how they smooth what is missing); nullopt for
// anything else, which Pillow decodes or refuses. Throws Error: kTruncated where the data end inside the header or a
// progressive file has no end, kDecode where the image is larger than Pillow's limit for decompression bombs (Pillow
// raises in all these cases).
std::optional<Size> read_jpeg_header(Bytes data);

// Throws the Error(kOption) about a file for which that gives nullopt, in a function that is for JPEGs only.
[[noreturn]] void refuse_other_kind();

}  // namespace penstock

// CRC-32C (Castagnoli): RFC 3720, appendix B.4.
#pragma once

#include <cstdint>

#include "engine/geometry.h"

namespace penstock {

// The checksum of `data`, going on from `value` (0 to begin with): crc32c(b, crc32c(a)) is the checksum of a + b.
uint32_t crc32c(Bytes data, uint32_t value = 0);

// The same without special instructions ("slicing by 8", Kounavis and Berry 2005).
uint32_t crc32c_portable(Bytes data, uint32_t value = 0);

// The checksum of a + b, from those of a and b: as zlib's crc32_combine.
uint32_t crc32c_joined(uint32_t a, uint32_t b, uint64_t bytes_of_b);

}  // namespace penstock

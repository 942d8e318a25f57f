// Little-endian numbers at any address.
#pragma once

#include <cstdint>

namespace penstock {

inline uint16_t u16_at(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }

inline uint32_t u32_at(const uint8_t* p) {
  return static_cast<uint32_t>(u16_at(p)) | static_cast<uint32_t>(u16_at(p + 2)) << 16;
}

inline uint64_t u64_at(const uint8_t* p) {
  return static_cast<uint64_t>(u32_at(p)) | static_cast<uint64_t>(u32_at(p + 4)) << 32;
}

}  // namespace penstock

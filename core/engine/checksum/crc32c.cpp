#include "engine/checksum/crc32c.h"

#include <array>

#include "engine/checksum/crc32c_kernels.h"
#include "engine/checksum/crc32c_polynomial.h"
#include "engine/little_endian.h"
#include "engine/simd.h"

namespace penstock {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: what byte b, with k zero bytes after it, adds to the checksum.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = times_x(value);
    tables[0][byte] = value;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t shorter = tables[k - 1][byte];
      tables[k][byte] = (shorter >> 8) ^ tables[0][shorter & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

uint32_t crc32c_portable(Bytes data, uint32_t value) {
  uint32_t state = ~value;
  const uint8_t* p = data.data;
  const uint8_t* const end = p + data.size;
  for (; end - p >= 8; p += 8) {
    const uint32_t low = state ^ u32_at(p);
    const uint32_t high = u32_at(p + 4);
    state = kTables[7][low & 0xFF] ^ kTables[6][low >> 8 & 0xFF] ^ kTables[5][low >> 16 & 0xFF] ^
            kTables[4][low >> 24] ^ kTables[3][high & 0xFF] ^ kTables[2][high >> 8 & 0xFF] ^
            kTables[1][high >> 16 & 0xFF] ^ kTables[0][high >> 24];
  }
  for (; p != end; ++p) state = (state >> 8) ^ kTables[0][(state ^ *p) & 0xFF];
  return ~state;
}

uint32_t crc32c(Bytes data, uint32_t value) {
#ifdef PENSTOCK_HAS_CRC32C_KERNELS
  const SimdLevel level = simd_level();
  if (level >= SimdLevel::kAvx512 && has_vpclmulqdq()) return ~crc32c_vpclmulqdq(~value, data);
  if (level >= SimdLevel::kAvx2) return ~crc32c_sse42(~value, data);
#endif
  return crc32c_portable(data, value);
}

}  // namespace penstock

#include <array>

#include "engine/checksum/crc32c.h"
#include "engine/checksum/crc32c_polynomial.h"

namespace penstock {
namespace {

constexpr int kTabulated = 16;

// What a checksum becomes when 2^k bytes follow it, byte by byte of the checksum, for k below kTabulated.
class Shifts {
 public:
  Shifts() {
    for (int k = 0; k < kTabulated; ++k) {
      const uint32_t power = power_of_x(uint64_t{8} << k);
      for (int byte = 0; byte < 4; ++byte) {
        for (uint32_t value = 0; value < 256; ++value) tables_[k][byte][value] = multiply(value << (8 * byte), power);
      }
    }
  }

  uint32_t by_power(uint32_t checksum, int k) const {
    const auto& table = tables_[k];
    return table[0][checksum & 255] ^ table[1][checksum >> 8 & 255] ^ table[2][checksum >> 16 & 255] ^
           table[3][checksum >> 24];
  }

 private:
  std::array<std::array<std::array<uint32_t, 256>, 4>, kTabulated> tables_;
};

}  // namespace

uint32_t crc32c_joined(uint32_t a, uint32_t b, uint64_t bytes_of_b) {
  static const Shifts shifts;
  for (int k = 0; k < kTabulated; ++k) {
    if ((bytes_of_b >> k & 1) != 0) a = shifts.by_power(a, k);
  }
  const uint64_t rest = bytes_of_b >> kTabulated;
  if (rest != 0) a = multiply(a, power_of_x(rest << (kTabulated + 3)));
  return a ^ b;
}

}  // namespace penstock

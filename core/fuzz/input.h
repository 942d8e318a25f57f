// What fuzz targets do with the bytes they are given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "engine/geometry.h"

namespace penstock::fuzzing {

// A copy on the heap with exactly `readable` bytes behind it, all of them `fill`: AddressSanitizer sees any access
// beyond, and two fills tell whether results depend on what is only there to be read.
class Copy {
 public:
  explicit Copy(Bytes bytes, size_t readable = 0, uint8_t fill = 0)
      : size_(bytes.size), memory_(new uint8_t[bytes.size + readable]) {
    if (size_ != 0) std::memcpy(memory_.get(), bytes.data, size_);
    std::memset(memory_.get() + size_, fill, readable);
  }
  Bytes bytes() const { return {memory_.get(), size_}; }
  uint8_t* data() { return memory_.get(); }

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> memory_;
};

// The first numbers of an input, which steer its target; zeros where it is too short.
class Controls {
 public:
  static constexpr size_t kBytes = 16;

  Controls(const uint8_t* data, size_t size) : rest_{data + (size < kBytes ? size : kBytes), 0} {
    rest_.size = size < kBytes ? 0 : size - kBytes;
    if (size != 0) std::memcpy(bytes_, data, size < kBytes ? size : kBytes);
  }

  uint8_t u8(size_t at) const { return bytes_[at]; }
  uint16_t u16(size_t at) const { return static_cast<uint16_t>(bytes_[at] | bytes_[at + 1] << 8); }
  Bytes rest() const { return rest_; }

  // A rectangle inside an image of `size`, at most `longest` a side, from four u16 at `at`.
  Rect rect(size_t at, Size size, int longest) const {
    const int x = u16(at) % size.width, y = u16(at + 2) % size.height;
    const int most_width = size.width - x, most_height = size.height - y;
    return {x, y, 1 + u16(at + 4) % (most_width < longest ? most_width : longest),
            1 + u16(at + 6) % (most_height < longest ? most_height : longest)};
  }

 private:
  uint8_t bytes_[kBytes] = {};
  Bytes rest_;
};

// Ends the process where a promise is broken: the fuzzer keeps the input.
void require(bool kept, const char* promise);

}  // namespace penstock::fuzzing

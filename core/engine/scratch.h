// Memory that is kept between samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace penstock {

// Uninitialised memory of elements that need no constructor; its content does not survive `reserve`.
template <typename T>
class Scratch {
 public:
  // At least `count` elements. Grows only, but gives back what one huge image took.
  T* reserve(size_t count) {
    const bool wasteful = capacity_ > kKeptBytes / sizeof(T) && count <= kKeptBytes / sizeof(T);
    if (count > capacity_ || wasteful) {
      memory_.reset();
      capacity_ = 0;
      memory_.reset(new T[count]);
      capacity_ = count;
    }
    return memory_.get();
  }

  T* get() const { return memory_.get(); }

 private:
  static constexpr size_t kKeptBytes = size_t{64} << 20;

  std::unique_ptr<T[]> memory_;
  size_t capacity_ = 0;
};

// Kernels may read this many bytes past the last pixel of an image in scratch memory.
constexpr size_t kReadAhead = 64;

}  // namespace penstock

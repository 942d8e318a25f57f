// Memory that is kept between samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace penstock {

// Uninitialised memory of elements that need no constructor, from the beginning of a cache line on; its content does
// not survive `reserve`.
template <typename T>
class Scratch {
 public:
  // At least `count` elements. Grows only, but gives back what one huge image took.
  T* reserve(size_t count) {
    const bool wasteful = capacity_ > kKeptBytes / sizeof(T) && count <= kKeptBytes / sizeof(T);
    if (count > capacity_ || wasteful) {
      memory_.reset();
      capacity_ = 0;
      memory_.reset(new std::byte[count * sizeof(T) + kLine - 1]);
      capacity_ = count;
      const auto address = reinterpret_cast<uintptr_t>(memory_.get());
      first_ = reinterpret_cast<T*>(memory_.get() + (kLine - address % kLine) % kLine);
    }
    return first_;
  }

  T* get() const { return first_; }

 private:
  static_assert(std::is_trivial_v<T>);
  static constexpr size_t kKeptBytes = size_t{64} << 20;
  static constexpr size_t kLine = 64;

  std::unique_ptr<std::byte[]> memory_;
  T* first_ = nullptr;
  size_t capacity_ = 0;
};

// Kernels may read this many bytes past the last pixel of an image in scratch memory.
constexpr size_t kReadAhead = 64;

}  // namespace penstock

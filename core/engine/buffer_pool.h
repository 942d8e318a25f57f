// Memory for batches, used again once nobody holds it. Fresh memory is mapped and zeroed page by page, which takes
// longer than filling it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

namespace penstock {

// Thread-safe. Memory that is in use outlives its pool.
class BufferPool {
 public:
  // Keeps up to `kept` free buffers; the oldest of any more go back to the system.
  explicit BufferPool(size_t kept) : shelf_(std::make_shared<Shelf>(kept)) {}

  // At least `bytes` with arbitrary content, aligned to a page; free again when the last copy of the pointer is
  // gone, in whatever thread that happens. Throws std::bad_alloc.
  std::shared_ptr<uint8_t> take(size_t bytes);

  // Gives back what is free now, and from now on whatever becomes free.
  void close();

  // How many free buffers there are.
  size_t free() const;

 private:
  struct Unmap {
    void operator()(uint8_t* data) const;

    size_t bytes = 0;
  };
  using Buffer = std::unique_ptr<uint8_t, Unmap>;

  struct Shelf {
    explicit Shelf(size_t buffers) : kept(buffers) {}

    Buffer take(size_t bytes);
    void give_back(Buffer buffer);

    std::mutex mutex;
    size_t kept;
    std::deque<Buffer> buffers;  // the one used last at the back
  };

  static Buffer map(size_t bytes);

  std::shared_ptr<Shelf> shelf_;
};

}  // namespace penstock

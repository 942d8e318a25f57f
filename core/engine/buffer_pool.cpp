#include "engine/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace penstock {

void BufferPool::Unmap::operator()(uint8_t* data) const { munmap(data, bytes); }

// Not from the heap, whose memory may stay with the process when it is free.
BufferPool::Buffer BufferPool::map(size_t bytes) {
  const size_t mapped = std::max<size_t>(bytes, 1);
  void* const data = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  madvise(data, mapped, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
  return Buffer(static_cast<uint8_t*>(data), Unmap{mapped});
}

// What was used last is the likeliest to be in a cache. Memory much larger than asked for is not given out: who keeps a
// small batch should not keep a large buffer.
BufferPool::Buffer BufferPool::Shelf::take(size_t bytes) {
  Buffer last;
  const std::lock_guard<std::mutex> lock(mutex);
  if (buffers.empty()) return last;
  last = std::move(buffers.back());
  buffers.pop_back();
  const size_t found = last.get_deleter().bytes;
  return found >= bytes && found / 2 <= bytes ? std::move(last) : Buffer();
}

void BufferPool::Shelf::give_back(Buffer buffer) {
  Buffer oldest;  // declared before the lock, to be freed after it
  const std::lock_guard<std::mutex> lock(mutex);
  buffers.push_back(std::move(buffer));
  if (buffers.size() <= kept) return;
  oldest = std::move(buffers.front());
  buffers.pop_front();
}

std::shared_ptr<uint8_t> BufferPool::take(size_t bytes) {
  Buffer buffer = shelf_->take(bytes);
  if (buffer == nullptr) buffer = map(bytes);
  struct Lease {
    ~Lease() { shelf->give_back(std::move(buffer)); }

    std::shared_ptr<Shelf> shelf;
    Buffer buffer;
  };
  uint8_t* const data = buffer.get();
  const std::shared_ptr<Lease> lease(new Lease{shelf_, std::move(buffer)});
  return {lease, data};
}

void BufferPool::close() {
  std::deque<Buffer> free;
  const std::lock_guard<std::mutex> lock(shelf_->mutex);
  shelf_->kept = 0;
  free.swap(shelf_->buffers);
}

size_t BufferPool::free() const {
  const std::lock_guard<std::mutex> lock(shelf_->mutex);
  return shelf_->buffers.size();
}

}  // namespace penstock

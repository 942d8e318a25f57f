// What one worker has done and is doing, written by it and read by anybody.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace penstock {

// What is done to a sample, in this order.
enum class Work : uint8_t {
  kRead,     // bring its bytes, compare their checksum
  kDecode,   // bytes to pixels, as far as they are needed
  kAugment,  // draw, resize, flip, convert, write
};
constexpr size_t kWorkKinds = 3;

struct WorkTotals {
  WorkTotals& operator+=(const WorkTotals& other);

  int64_t nanoseconds = 0;
  int64_t images = 0;  // samples that got through
  int64_t bytes = 0;   // what came out
  int64_t errors = 0;  // samples that did not
};

struct SampleUnderWay {
  uint64_t ticket = 0;
  int64_t row = 0;
  int64_t index = 0;  // its key
  Work work = Work::kRead;
  int64_t nanoseconds = 0;  // since it was begun
};

// A worker's counters, up to the moment of reading.
struct MeterReading {
  std::array<WorkTotals, kWorkKinds> work;
  int64_t idle_nanoseconds = 0;  // between samples
  std::optional<SampleUnderWay> sample;
};

// All but `read` is for the one thread that works. Readers stop nobody: they look again when they came amid a change.
class alignas(64) Meter {
 public:
  // Idle until `begin`.
  Meter();

  // A sample is begun, with kRead.
  void begin(uint64_t ticket, int64_t row, int64_t index);
  void enter(Work work);
  void add_bytes(Work work, int64_t bytes) { add(totals_[position(work)].bytes, bytes); }
  // The sample got through, or failed at what was entered last; the worker is idle.
  void finish();
  void fail();
  // The worker is no more: neither busy nor idle.
  void end();

  MeterReading read() const;

 private:
  using Counter = std::atomic<int64_t>;
  class Change;

  struct Totals {
    Counter nanoseconds{0}, images{0}, bytes{0}, errors{0};
  };

  // Where time goes: a Work, or one of these.
  static constexpr size_t kIdle = kWorkKinds;
  static constexpr size_t kEnded = kWorkKinds + 1;

  static size_t position(Work work) { return static_cast<size_t>(work); }
  static void add(Counter& counter, int64_t amount);
  int64_t switch_to(size_t activity);
  void pass(size_t work_kinds);
  MeterReading copy() const;

  // Odd amid a change. What follows is stored with release and loaded with acquire, so that who sees part of a change
  // sees the odd version too (a sequence lock; Boehm, "Can seqlocks get along with programming language memory
  // models?", MSPC 2012).
  std::atomic<uint64_t> version_{0};
  std::array<Totals, kWorkKinds> totals_;
  Counter idle_nanoseconds_{0};
  std::atomic<size_t> activity_{kIdle};
  Counter since_;  // when the activity began
  Counter begun_{0}, row_{0}, index_{0};
  std::atomic<uint64_t> ticket_{0};
};

}  // namespace penstock

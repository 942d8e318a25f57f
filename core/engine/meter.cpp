#include "engine/meter.h"

#include <algorithm>
#include <thread>

namespace penstock {
namespace {

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

WorkTotals& WorkTotals::operator+=(const WorkTotals& other) {
  nanoseconds += other.nanoseconds;
  images += other.images;
  bytes += other.bytes;
  errors += other.errors;
  return *this;
}

// While it lives, the version is odd. There is one writer, so it needs no read-modify-write.
class Meter::Change {
 public:
  explicit Change(std::atomic<uint64_t>& version) : version_(version), next_(version.load() + 2) {
    version_.store(next_ - 1, std::memory_order_relaxed);
  }
  ~Change() { version_.store(next_, std::memory_order_release); }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

 private:
  std::atomic<uint64_t>& version_;
  const uint64_t next_;
};

Meter::Meter() : since_(now()) {}

void Meter::add(Counter& counter, int64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_release);
}

// Books the time since the last switch; returns the time of this one.
int64_t Meter::switch_to(size_t activity) {
  const int64_t time = now();
  const size_t before = activity_.load(std::memory_order_relaxed);
  const int64_t spent = time - since_.load(std::memory_order_relaxed);
  if (before < kWorkKinds) add(totals_[before].nanoseconds, spent);
  if (before == kIdle) add(idle_nanoseconds_, spent);
  activity_.store(activity, std::memory_order_release);
  since_.store(time, std::memory_order_release);
  return time;
}

void Meter::begin(uint64_t ticket, int64_t row, int64_t index) {
  const Change change(version_);
  const int64_t time = switch_to(position(Work::kRead));
  ticket_.store(ticket, std::memory_order_release);
  row_.store(row, std::memory_order_release);
  index_.store(index, std::memory_order_release);
  begun_.store(time, std::memory_order_release);
}

void Meter::enter(Work work) {
  const Change change(version_);
  switch_to(position(work));
}

// Counts a sample that got through the first kinds of work.
void Meter::pass(size_t work_kinds) {
  for (size_t kind = 0; kind < work_kinds; ++kind) add(totals_[kind].images, 1);
}

void Meter::finish() {
  const Change change(version_);
  pass(kWorkKinds);
  switch_to(kIdle);
}

void Meter::fail() {
  const Change change(version_);
  const size_t failed = activity_.load(std::memory_order_relaxed);
  pass(failed);
  add(totals_[failed].errors, 1);
  switch_to(kIdle);
}

void Meter::end() {
  const Change change(version_);
  switch_to(kEnded);
}

MeterReading Meter::copy() const {
  const auto get = [](const auto& counter) { return counter.load(std::memory_order_acquire); };
  MeterReading reading;
  for (size_t kind = 0; kind < kWorkKinds; ++kind) {
    const Totals& totals = totals_[kind];
    reading.work[kind] = {get(totals.nanoseconds), get(totals.images), get(totals.bytes), get(totals.errors)};
  }
  reading.idle_nanoseconds = get(idle_nanoseconds_);
  const size_t activity = get(activity_);
  const int64_t time = now(), spent = std::max<int64_t>(0, time - get(since_));
  if (activity == kIdle) reading.idle_nanoseconds += spent;
  if (activity >= kWorkKinds) return reading;
  reading.work[activity].nanoseconds += spent;
  reading.sample =
      SampleUnderWay{get(ticket_), get(row_), get(index_), static_cast<Work>(activity), time - get(begun_)};
  return reading;
}

MeterReading Meter::read() const {
  while (true) {
    const uint64_t before = version_.load(std::memory_order_acquire);
    const MeterReading reading = copy();
    if (before % 2 == 0 && version_.load(std::memory_order_relaxed) == before) return reading;
    std::this_thread::yield();  // the writer may have been stopped amid its change
  }
}

}  // namespace penstock

// Threads that turn batches of undecoded samples into batches of pixels.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/batch.h"
#include "engine/meter.h"
#include "engine/program.h"
#include "engine/worker.h"

namespace penstock {

// What an engine has done since it began. Times are sums over its threads.
struct Counters {
  std::array<WorkTotals, kWorkKinds> work;
  int64_t idle_nanoseconds = 0;  // of threads without a sample; 0 in engines without threads
  size_t queued = 0;             // samples submitted and not begun
  int threads = 0;
  int64_t nanoseconds = 0;  // since the engine began, until it was closed
};

// Samples, not batches, are the unit of work, taken in the order of submission: a slow image holds up nobody else, and
// an early batch is finished first. Thread-safe. In a forked child, which has none of the threads, every call but
// `close` throws Error(kClosed), and destruction leaks what the threads of the parent use.
class Engine {
 public:
  using Ticket = uint64_t;
  static constexpr int kMaxThreads = 1024;

  // Each sample is decoded once and goes through all programs, one per view. With 0 threads, work is done by calls of
  // `run_next`. Throws Error: kSpec for no program, or one whose results differ in size, kOption for a number of
  // threads that can't be had.
  Engine(std::vector<Program> programs, int threads, Fallback fallback,
         MemoryFormat format = MemoryFormat::kContiguous);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const std::vector<View>& views() const;
  MemoryFormat format() const;

  // Queues a batch, with an `out` for each view; never blocks. Throws Error(kClosed).
  Ticket submit(Batch batch);

  // Works off one queued sample in the calling thread; false when there is none. For engines without threads.
  bool run_next();

  // Takes back a batch that is not under way in any thread: it is never finished.
  void discard(Ticket ticket);

  // Waits until the batch is finished, and forgets it; nullopt when the time was up. Throws Error: kOption for an
  // unknown ticket, kClosed when the engine is or gets closed.
  std::optional<Outcome> wait_for(Ticket ticket, std::chrono::milliseconds time);

  // Whether `wait_for` would return at once. Throws Error as it.
  bool ready(Ticket ticket) const;

  // Also of a closed engine. Throws Error(kClosed) in a forked child.
  Counters counters() const;

  // The samples that are being worked on, the longest first. Throws as `counters`.
  std::vector<SampleUnderWay> under_way() const;

  // Drops what is queued, waits for samples under way, ends the threads, gives back all loans. A thread of the engine
  // itself can't wait for its own end: called there, it leaves the waiting to the destructor.
  void close();

  // Whether the caller is a thread at work for the engine (and so is below a call of its fallback).
  bool owns_this_thread() const;

 private:
  struct State;
  class RunningHere;

  void check_process() const;
  std::unique_ptr<Worker> make_worker();
  void start(int threads);
  void join();

  std::shared_ptr<State> state_;  // the threads own it too
  std::mutex joining_;
  std::vector<std::thread> threads_;
  pid_t process_;
};

}  // namespace penstock

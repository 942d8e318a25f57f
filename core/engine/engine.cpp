#include "engine/engine.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <new>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "engine/error.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kCacheLine = 64;

// Samples beyond those taken whose bytes the system is asked to read ahead: as many reads as a fast disk does at once.
constexpr size_t kReadAheadSamples = 32;
// Taken samples from one look ahead to the next.
constexpr size_t kReadAheadStep = 8;

// A batch under way.
struct Job {
  Job(uint64_t number, Batch submitted)
      : ticket(number), batch(std::move(submitted)), unfinished(batch.samples.size()) {}

  size_t rows() const { return batch.samples.size(); }
  size_t taken() const { return std::min(next_row.load(std::memory_order_relaxed), rows()); }

  const uint64_t ticket;
  Batch batch;
  // Guarded by the mutex of the engine's state.
  size_t announced = 0;  // rows below were in view of a look ahead
  std::vector<RowFailure> failures;
  // On a line of their own: threads write them while others read the batch.
  alignas(kCacheLine) std::atomic<size_t> next_row{0};  // goes beyond the rows
  std::atomic<size_t> unfinished;
};

struct Task {
  std::shared_ptr<Job> job;
  size_t row = 0;
};

// Rows of one job; false when there are none.
struct Stretch {
  explicit operator bool() const { return job != nullptr; }

  std::shared_ptr<Job> job;
  size_t begin = 0;
  size_t end = 0;
};

// Signals go to Python's threads, but for those that tell of a fault in this very thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

std::vector<Program> with_fixed_size(std::vector<Program> programs) {
  if (programs.empty()) throw Error(Fault::kSpec, "programs: expected at least one, got none");
  for (const Program& program : programs) {
    if (program.output_size()) continue;
    throw Error(Fault::kSpec,
                "program: expected ops that give all images one size, got ops whose results differ in size; add "
                "RandomResizedCrop, CenterCrop, or Resize to a height and a width");
  }
  return programs;
}

}  // namespace

struct Engine::State {
  using Jobs = std::unordered_map<Ticket, std::shared_ptr<Job>>;

  State(std::vector<Program> programs, Fallback fallback, MemoryFormat format)
      : context(with_fixed_size(std::move(programs)), std::move(fallback), format) {}

  // The first queued job with rows that nobody has taken; null when there is none. Needs the mutex.
  std::shared_ptr<Job> first_job() {
    while (!queue.empty() && queue.front()->taken() == queue.front()->rows()) queue.pop_front();
    return queue.empty() ? nullptr : queue.front();
  }

  // A row of `job` that nobody has taken; its job is null when there is none.
  static Task take_row(const std::shared_ptr<Job>& job) {
    const size_t row = job->next_row.fetch_add(1, std::memory_order_relaxed);
    return row < job->rows() ? Task{job, row} : Task{};
  }

  void run(Worker& worker, const Task& task) {
    Job& job = *task.job;
    worker.meter().begin(job.ticket, static_cast<int64_t>(task.row), job.batch.indices[task.row]);
    if (task.row % kReadAheadStep == 0) read_ahead(worker);
    try {
      worker.run(job.batch, task.row);
      worker.meter().finish();
    } catch (...) {
      worker.meter().fail();
      context.clear(job.batch, task.row);
      const std::lock_guard<std::mutex> lock(mutex);
      job.failures.push_back({task.row, std::current_exception()});
    }
    if (job.unfinished.fetch_sub(1) > 1) return;
    const std::lock_guard<std::mutex> lock(mutex);  // or who waits could look before and sleep after
    finished.notify_all();
  }

  // While samples are decoded, the next ones are on their way from the disk.
  void read_ahead(Worker& worker) {
    while (const Stretch unseen = look_ahead()) {
      for (size_t row = unseen.begin; row < unseen.end; ++row) worker.announce(unseen.job->batch, row);
    }
  }

  // The first rows among the next kReadAheadSamples that no look ahead has seen.
  Stretch look_ahead() {
    const std::lock_guard<std::mutex> lock(mutex);
    size_t left = kReadAheadSamples;
    for (const std::shared_ptr<Job>& job : queue) {
      const size_t taken = job->taken();
      const size_t end = std::min(job->rows(), taken + left);
      const size_t begin = std::max(taken, std::exchange(job->announced, std::max(end, job->announced)));
      if (begin < end) return {job, begin, end};
      left -= end - taken;
    }
    return {};
  }

  void work(Worker& worker) {
    running_here = this;
    while (const std::shared_ptr<Job> job = wait_for_job()) {
      while (!closed) {
        const Task task = take_row(job);
        if (task.job == nullptr) break;
        run(worker, task);
      }
    }
    worker.meter().end();
  }

  // A job with rows to take, or null when the engine is closed.
  std::shared_ptr<Job> wait_for_job() {
    std::unique_lock<std::mutex> lock(mutex);
    std::shared_ptr<Job> job;
    queued.wait(lock, [&] { return closed || (job = first_job()) != nullptr; });
    return closed ? nullptr : job;
  }

  // Drops what is queued; threads end after the sample that they are at. Returns the jobs, to be freed without the
  // lock: their loans and failures may be Python's.
  Jobs close() {
    Jobs dropped;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!closed) end = Clock::now();
      closed = true;
      queue.clear();
      dropped.swap(jobs);
    }
    queued.notify_all();
    finished.notify_all();
    return dropped;
  }

  // The job of a ticket that has not been waited for. Needs the mutex. Throws Error.
  Jobs::iterator find_job(Ticket ticket) {
    check_open();
    const auto known = jobs.find(ticket);
    if (known != jobs.end()) return known;
    throw Error(Fault::kOption,
                "ticket: expected one from submit() that has not been waited for, got " + std::to_string(ticket));
  }

  void check_open() const {
    if (closed) throw Error(Fault::kClosed, "the engine is closed; make a new one");
  }

  static thread_local const State* running_here;  // the engine that this thread works for

  WorkerContext context;
  const Clock::time_point begin = Clock::now();
  std::vector<std::unique_ptr<Meter>> meters;  // of all workers, complete before anybody else reads it
  std::atomic<Ticket> next_ticket{0};
  std::mutex mutex;                 // guards what follows
  std::atomic<bool> closed{false};  // read without it too
  std::condition_variable queued;
  std::condition_variable finished;
  std::deque<std::shared_ptr<Job>> queue;  // with rows that nobody has taken
  Jobs jobs;
  Clock::time_point end;                  // when it was closed
  std::unique_ptr<Worker> inline_worker;  // of an engine without threads
  std::mutex inline_mutex;                // held while it runs
};

thread_local const Engine::State* Engine::State::running_here = nullptr;

// Marks the calling thread as the engine's.
class Engine::RunningHere {
 public:
  explicit RunningHere(const State* state) : before_(State::running_here) { State::running_here = state; }
  ~RunningHere() { State::running_here = before_; }
  RunningHere(const RunningHere&) = delete;
  RunningHere& operator=(const RunningHere&) = delete;

 private:
  const State* before_;  // another engine's, whose fallback called this one
};

Engine::Engine(std::vector<Program> programs, int threads, Fallback fallback, MemoryFormat format)
    : process_(getpid()) {
  if (threads < 0 || threads > kMaxThreads) {
    throw Error(Fault::kOption,
                "threads: expected 0 to " + std::to_string(kMaxThreads) + ", got " + std::to_string(threads));
  }
  state_ = std::make_shared<State>(std::move(programs), std::move(fallback), format);
  if (threads == 0) state_->inline_worker = make_worker();
  start(threads);
}

std::unique_ptr<Worker> Engine::make_worker() {
  state_->meters.push_back(std::make_unique<Meter>());
  return std::make_unique<Worker>(state_->context, *state_->meters.back());
}

void Engine::start(int threads) {
  const SignalsBlocked inherited_by_threads;
  const auto fail = [&](const std::string& reason) {
    const std::string started = std::to_string(threads_.size());
    close();
    throw Error(Fault::kOption, "threads: can't start " + std::to_string(threads) + " threads, only " + started + " (" +
                                    reason + "); ask for fewer, or raise the limit of the process");
  };
  try {
    for (int i = 0; i < threads; ++i) {
      std::unique_ptr<Worker> worker = make_worker();  // here, where its failure can be told
      threads_.emplace_back([state = state_, worker = std::move(worker)] { state->work(*worker); });
    }
  } catch (const std::system_error& error) {
    fail(error.code().message());
  } catch (const std::bad_alloc&) {
    fail("out of memory");
  }
}

Engine::~Engine() {
  if (getpid() != process_) {
    // Threads that this process does not have are to be joined by nobody, and may hold any lock.
    new std::shared_ptr<State>(std::move(state_));
    new std::vector<std::thread>(std::move(threads_));
    return;
  }
  close();
}

const std::vector<View>& Engine::views() const { return state_->context.views; }

MemoryFormat Engine::format() const { return state_->context.format; }

void Engine::check_process() const {
  if (getpid() != process_) {
    throw Error(Fault::kClosed, "the engine belongs to process " + std::to_string(process_) + ", and this is process " +
                                    std::to_string(getpid()) + ", forked from it; make a new engine here");
  }
}

Engine::Ticket Engine::submit(Batch batch) {
  check_process();
  if (batch.outs.size() != views().size()) {
    throw Error(Fault::kOption, "outs: expected " + std::to_string(views().size()) + ", one for each view, got " +
                                    std::to_string(batch.outs.size()));
  }
  const Ticket ticket = state_->next_ticket.fetch_add(1);
  auto job = std::make_shared<Job>(ticket, std::move(batch));
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->check_open();
    state_->queue.push_back(job);
    state_->jobs.emplace(ticket, std::move(job));
  }
  state_->queued.notify_all();
  return ticket;
}

bool Engine::run_next() {
  check_process();
  if (state_->inline_worker == nullptr) return false;
  if (owns_this_thread()) {
    throw Error(Fault::kOption, "submit() was called by the fallback of an engine without threads; call it elsewhere");
  }
  const std::lock_guard<std::mutex> inline_lock(state_->inline_mutex);
  const RunningHere running(state_.get());
  std::shared_ptr<Job> job;
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    job = state_->first_job();
  }
  if (job == nullptr) return false;
  state_->run(*state_->inline_worker, State::take_row(job));  // nobody else takes rows
  return true;
}

void Engine::discard(Ticket ticket) {
  check_process();
  std::shared_ptr<Job> job;  // declared before the lock, to be freed after it
  const std::lock_guard<std::mutex> lock(state_->mutex);
  const auto known = state_->jobs.find(ticket);
  if (known == state_->jobs.end()) return;
  job = std::move(known->second);
  state_->jobs.erase(known);
  auto& queue = state_->queue;
  queue.erase(std::remove(queue.begin(), queue.end(), job), queue.end());
}

std::optional<Outcome> Engine::wait_for(Ticket ticket, std::chrono::milliseconds time) {
  check_process();
  std::shared_ptr<Job> job;  // declared before the lock, to be freed after it
  std::unique_lock<std::mutex> lock(state_->mutex);
  job = state_->find_job(ticket)->second;
  const auto over = [&] { return state_->closed || job->unfinished == 0; };
  if (!state_->finished.wait_for(lock, time, over)) return std::nullopt;
  state_->check_open();
  state_->jobs.erase(ticket);
  Outcome outcome{std::move(job->failures), std::move(job->batch.loan)};
  std::sort(outcome.failures.begin(), outcome.failures.end(),
            [](const auto& a, const auto& b) { return a.row < b.row; });
  return outcome;
}

bool Engine::ready(Ticket ticket) const {
  check_process();
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->find_job(ticket)->second->unfinished == 0;
}

Counters Engine::counters() const {
  check_process();
  Counters counters;
  for (const std::unique_ptr<Meter>& meter : state_->meters) {
    const MeterReading reading = meter->read();
    for (size_t kind = 0; kind < kWorkKinds; ++kind) counters.work[kind] += reading.work[kind];
    counters.idle_nanoseconds += reading.idle_nanoseconds;
  }
  const bool has_threads = state_->inline_worker == nullptr;
  if (!has_threads) counters.idle_nanoseconds = 0;  // between batches, its time is the caller's
  counters.threads = has_threads ? static_cast<int>(state_->meters.size()) : 0;
  const std::lock_guard<std::mutex> lock(state_->mutex);
  for (const std::shared_ptr<Job>& job : state_->queue) counters.queued += job->rows() - job->taken();
  const Clock::time_point until = state_->closed ? state_->end : Clock::now();
  counters.nanoseconds = std::chrono::nanoseconds(until - state_->begin).count();
  return counters;
}

std::vector<SampleUnderWay> Engine::under_way() const {
  check_process();
  std::vector<SampleUnderWay> samples;
  for (const std::unique_ptr<Meter>& meter : state_->meters) {
    if (const MeterReading reading = meter->read(); reading.sample) samples.push_back(*reading.sample);
  }
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.nanoseconds > b.nanoseconds; });
  return samples;
}

void Engine::close() {
  if (getpid() != process_) return;
  const State::Jobs dropped = state_->close();  // freed last, when nobody works on them, but before this returns
  if (!owns_this_thread()) join();
}

bool Engine::owns_this_thread() const { return State::running_here == state_.get(); }

void Engine::join() {
  const std::lock_guard<std::mutex> inline_lock(state_->inline_mutex);
  const std::lock_guard<std::mutex> lock(joining_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace penstock

// Engine: the threads of a loader.
#include "engine/engine.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "binding/arguments.h"
#include "binding/counters.h"
#include "binding/errors.h"
#include "binding/records.h"
#include "binding/register.h"
#include "binding/views.h"
#include "engine/error.h"

namespace py = pybind11;

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSignalInterval{100};

// Something of Python's that any thread may drop.
template <typename T>
std::shared_ptr<T> share(T value) {
  return {new T(std::move(value)), [](T* shared) {
            const py::gil_scoped_acquire locked;
            delete shared;
          }};
}

void check_signals() {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

ForeignImage decoded_image(py::object result) {
  const bool is_image = py::isinstance<py::array_t<uint8_t, py::array::c_style>>(result);
  const auto array = is_image ? py::reinterpret_borrow<py::array>(result) : py::array();
  if (!is_image || array.ndim() != 3 || array.shape(2) != 3 || array.size() == 0) {
    throw Error(Fault::kDecode,
                "expected a C-contiguous uint8 array of (height, width, 3) from the fallback decoder, got " +
                    describe_array(result));
  }
  const Size size{static_cast<int>(array.shape(0)), static_cast<int>(array.shape(1))};
  const auto* pixels = static_cast<const uint8_t*>(array.data());
  return {{pixels, size, ptrdiff_t{3} * size.width}, share(std::move(result))};
}

// What a fallback raised that is no Exception, such as KeyboardInterrupt: not to be mistaken for a bad row.
struct Interruption {
  std::atomic<bool> happened{false};
  std::exception_ptr error;  // guarded by the interpreter lock
};

Fallback make_fallback(py::object decoder, std::shared_ptr<Interruption> interruption) {
  if (PyCallable_Check(decoder.ptr()) == 0) {
    throw Error(Fault::kOption, "fallback: expected a callable, got " + std::string(Py_TYPE(decoder.ptr())->tp_name));
  }
  return [shared = share(std::move(decoder)), interruption = std::move(interruption)](Bytes data) {
    const py::gil_scoped_acquire locked;
    // A copy, because Python code may keep the view for longer than the bytes stay in place.
    const py::bytes copy(reinterpret_cast<const char*>(data.data), data.size);
    try {
      return decoded_image((*shared)(py::memoryview(copy)));
    } catch (const py::error_already_set& raised) {
      if (!raised.matches(PyExc_Exception)) {
        interruption->error = std::current_exception();
        interruption->happened = true;
      }
      throw;
    }
  };
}

// The exception of a row, as Python's.
py::object to_python(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& fault) {
    return to_python(fault);
  } catch (py::error_already_set& raised) {
    if (raised.trace()) PyException_SetTraceback(raised.value().ptr(), raised.trace().ptr());
    return raised.value();
  } catch (const std::bad_alloc&) {
    return to_python(Error(Fault::kIo, "there is not enough memory to read and decode it"));
  } catch (const std::exception& other) {
    return to_python(Error(Fault::kIo, std::string("it can't be read: ") + other.what()));
  }
}

py::list to_python(const std::vector<RowFailure>& failures) {
  py::list rows;
  for (const RowFailure& failure : failures) rows.append(py::make_tuple(failure.row, to_python(failure.error)));
  return rows;
}

// What Python lends to a batch under way.
struct Loan {
  std::vector<std::unique_ptr<BytesView>> payloads;
  std::vector<std::unique_ptr<OutputView>> outs;
};

// Engines that may have threads when the interpreter ends. Guarded by its lock.
struct EngineRegister {
  std::vector<std::weak_ptr<Engine>> live;
  std::vector<std::shared_ptr<Engine>> abandoned;
};

EngineRegister& all_engines() {
  static auto* const engines = new EngineRegister;  // outlives all engines
  return *engines;
}

// All calls into the engine are made without the interpreter lock, which its threads may hold or wait for.
class PythonEngine {
 public:
  PythonEngine(std::vector<Program> programs, int threads, py::object fallback, bool channels_last) {
    Fallback decode = make_fallback(std::move(fallback), interruption_);
    const py::gil_scoped_release unlocked;
    engine_ = std::make_shared<Engine>(std::move(programs), threads, std::move(decode),
                                       channels_last ? MemoryFormat::kChannelsLast : MemoryFormat::kContiguous);
  }

  ~PythonEngine();
  PythonEngine(const PythonEngine&) = delete;
  PythonEngine& operator=(const PythonEngine&) = delete;

  Engine::Ticket submit(const py::object& records, const py::object& out, const py::int_& seed, const py::int_& epoch,
                        const py::object& indices, const py::object& draws);
  py::object wait(Engine::Ticket ticket, double timeout_seconds);
  bool ready(Engine::Ticket ticket) const;
  py::dict counters() const;
  py::list under_way() const;
  void close();

  std::weak_ptr<Engine> engine() const { return engine_; }

 private:
  Engine::Ticket run(Batch batch);
  void check_interruption();

  std::shared_ptr<Interruption> interruption_ = std::make_shared<Interruption>();
  std::shared_ptr<Engine> engine_;
};

PythonEngine::~PythonEngine() {
  if (engine_->owns_this_thread()) {
    // Its fallback dropped the last reference, or set off the garbage collector: the thread can't wait for its own end.
    all_engines().abandoned.push_back(engine_);
    const py::gil_scoped_release unlocked;
    engine_->close();
    return;
  }
  const py::gil_scoped_release unlocked;
  engine_.reset();
}

std::vector<int64_t> key_column(const char* name, const py::object& column, size_t rows) {
  const auto array = array_argument<int64_t>(name, column, {static_cast<py::ssize_t>(rows)});
  return {array.data(), array.data() + rows};
}

Engine::Ticket PythonEngine::submit(const py::object& records, const py::object& out, const py::int_& seed,
                                    const py::int_& epoch, const py::object& indices, const py::object& draws) {
  HeldRecords held = read_records(records);
  const size_t rows = held.samples.size();
  Loan loan{std::move(held.payloads), output_views(out, *engine_, rows)};
  Batch batch;
  batch.samples = std::move(held.samples);
  batch.paths = std::move(held.paths);
  batch.seed = seed_argument(seed);
  batch.epoch = epoch_argument(epoch);
  batch.indices = key_column("indices", indices, rows);
  batch.draws = key_column("draws", draws, rows);
  for (const auto& view : loan.outs) batch.outs.push_back(view->data());
  batch.loan = share(std::move(loan));
  return run(std::move(batch));
}

// Submits, and where there are no threads does the work.
Engine::Ticket PythonEngine::run(Batch batch) {
  const py::gil_scoped_release unlocked;
  const Engine::Ticket ticket = engine_->submit(std::move(batch));
  Clock::time_point checked = Clock::now();
  while (engine_->run_next()) {
    if (Clock::now() - checked < kSignalInterval && !interruption_->happened) continue;
    checked = Clock::now();
    const py::gil_scoped_acquire locked;
    try {
      check_interruption();
      check_signals();
    } catch (...) {
      engine_->discard(ticket);
      throw;
    }
  }
  return ticket;
}

void PythonEngine::check_interruption() {
  if (interruption_->happened.exchange(false)) std::rethrow_exception(std::exchange(interruption_->error, nullptr));
}

py::object PythonEngine::wait(Engine::Ticket ticket, double timeout_seconds) {
  if (!(timeout_seconds >= 0)) {
    throw Error(Fault::kOption,
                "timeout_seconds: expected 0 (no limit) or more, got " + std::to_string(timeout_seconds));
  }
  const Clock::time_point start = Clock::now();
  while (true) {
    std::optional<Outcome> outcome;
    const std::chrono::duration<double> left = std::chrono::duration<double>(timeout_seconds) - (Clock::now() - start);
    const bool last = timeout_seconds > 0 && left <= kSignalInterval;
    {
      const py::gil_scoped_release unlocked;
      const auto time = last ? std::chrono::ceil<std::chrono::milliseconds>(left) : kSignalInterval;
      outcome = engine_->wait_for(ticket, time);
    }
    if (outcome) return to_python(outcome->failures);
    check_signals();
    if (last) return py::none();
  }
}

bool PythonEngine::ready(Engine::Ticket ticket) const {
  const py::gil_scoped_release unlocked;
  return engine_->ready(ticket);
}

py::dict PythonEngine::counters() const {
  const Counters counters = [this] {
    const py::gil_scoped_release unlocked;
    return engine_->counters();
  }();
  return to_python(counters);
}

py::list PythonEngine::under_way() const {
  const std::vector<SampleUnderWay> samples = [this] {
    const py::gil_scoped_release unlocked;
    return engine_->under_way();
  }();
  return to_python(samples);
}

void PythonEngine::close() {
  const py::gil_scoped_release unlocked;
  engine_->close();
}

std::unique_ptr<PythonEngine> make_engine(const py::object& program, int threads, py::object fallback,
                                          bool channels_last) {
  auto made = std::make_unique<PythonEngine>(programs_argument(program), threads, std::move(fallback), channels_last);
  auto& live = all_engines().live;
  live.erase(std::remove_if(live.begin(), live.end(), [](const auto& engine) { return engine.expired(); }), live.end());
  live.push_back(made->engine());
  return made;
}

// A thread that calls Python once the interpreter is going is ended on the spot: they must be gone before.
void close_all_engines() {
  EngineRegister engines = std::exchange(all_engines(), {});
  const py::gil_scoped_release unlocked;
  for (const std::weak_ptr<Engine>& engine : engines.live) {
    if (const std::shared_ptr<Engine> alive = engine.lock()) alive->close();
  }
  engines.abandoned.clear();
}

}  // namespace

void register_engine(py::module_& module) {
  py::class_<PythonEngine>(module, "Engine", py::is_final())
      .def(py::init(&make_engine), py::arg("program"), py::kw_only(), py::arg("threads"), py::arg("fallback"),
           py::arg("channels_last") = false)
      .def("submit", &PythonEngine::submit, py::arg("records"), py::arg("out"), py::kw_only(), py::arg("seed"),
           py::arg("epoch"), py::arg("indices"), py::arg("draws"))
      .def("wait", &PythonEngine::wait, py::arg("ticket"), py::arg("timeout_seconds") = 0.0)
      .def("ready", &PythonEngine::ready, py::arg("ticket"))
      .def("counters", &PythonEngine::counters)
      .def("under_way", &PythonEngine::under_way)
      .def("close", &PythonEngine::close);
  py::module_::import("atexit").attr("register")(py::cpp_function(&close_all_engines));
}

}  // namespace penstock

#include "binding/counters.h"

namespace py = pybind11;

namespace penstock {
namespace {

constexpr const char* kStages[kWorkKinds] = {"read", "decode", "augment"};

double seconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

}  // namespace

py::dict to_python(const Counters& counters) {
  py::dict stages;
  for (size_t kind = 0; kind < kWorkKinds; ++kind) {
    const WorkTotals& totals = counters.work[kind];
    stages[kStages[kind]] =
        py::dict(py::arg("seconds") = seconds(totals.nanoseconds), py::arg("images") = totals.images,
                 py::arg("bytes") = totals.bytes, py::arg("errors") = totals.errors);
  }
  return py::dict(py::arg("stages") = stages, py::arg("idle_seconds") = seconds(counters.idle_nanoseconds),
                  py::arg("queued") = counters.queued, py::arg("threads") = counters.threads,
                  py::arg("seconds") = seconds(counters.nanoseconds));
}

py::list to_python(const std::vector<SampleUnderWay>& samples) {
  py::list listed;
  for (const SampleUnderWay& sample : samples) {
    listed.append(py::make_tuple(sample.ticket, sample.row, sample.index, kStages[static_cast<size_t>(sample.work)],
                                 seconds(sample.nanoseconds)));
  }
  return listed;
}

}  // namespace penstock

// What an engine makes of a sample, as Python gives it: programs, and buffers for their results.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/engine.h"

namespace penstock {

// A Program, or a list or tuple of them: one for each view. Throws TypeError for anything else.
std::vector<Program> programs_argument(const pybind11::object& object);

// A writable, C-contiguous buffer of (rows, 3, height, width), or (rows, height, width, 3) for an engine that writes
// channels last, of a program's dtype. As BytesView.
class OutputView {
 public:
  // Throws Error(kOption) for any other buffer.
  OutputView(pybind11::handle object, const Program& program, MemoryFormat format, size_t rows);
  ~OutputView() { PyBuffer_Release(&view_); }
  OutputView(const OutputView&) = delete;
  OutputView& operator=(const OutputView&) = delete;

  uint8_t* data() const { return static_cast<uint8_t*>(view_.buf); }

 private:
  Py_buffer view_;
};

// A buffer for each view of the engine: in a list or tuple, or alone. Throws Error(kOption) for other buffers.
std::vector<std::unique_ptr<OutputView>> output_views(const pybind11::object& out, const Engine& engine, size_t rows);

}  // namespace penstock

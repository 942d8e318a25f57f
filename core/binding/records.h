// Python's Records and output buffer, read once and held while an engine works on them.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "binding/bytes_view.h"
#include "engine/batch.h"
#include "engine/engine.h"

namespace penstock {

// The columns of penstock.record.Records, copied, and its payloads, held. Needs the interpreter lock, also to be
// destroyed.
struct HeldRecords {
  std::vector<Sample> samples;
  std::vector<std::string> paths;  // those that samples refer to
  std::vector<std::unique_ptr<BytesView>> payloads;
};

// Throws Error(kOption), naming the column, for what is no Records or is inconsistent.
HeldRecords read_records(pybind11::handle records);

// A writable, C-contiguous buffer of (rows, 3, height, width), or (rows, height, width, 3) for an engine that writes
// channels last, of its program's dtype. As BytesView.
class OutputView {
 public:
  // Throws Error(kOption) for any other buffer.
  OutputView(pybind11::handle object, const Engine& engine, size_t rows);
  ~OutputView() { PyBuffer_Release(&view_); }
  OutputView(const OutputView&) = delete;
  OutputView& operator=(const OutputView&) = delete;

  uint8_t* data() const { return static_cast<uint8_t*>(view_.buf); }

 private:
  Py_buffer view_;
};

}  // namespace penstock

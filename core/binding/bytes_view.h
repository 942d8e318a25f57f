// Read access to the bytes of a Python buffer, for as long as the view lives.
#pragma once

#include <pybind11/pybind11.h>

#include "engine/geometry.h"

namespace penstock {

// Holds the buffer's export: its owner can neither free nor resize it meanwhile. Made and destroyed with the
// interpreter lock held; `bytes` may be read without it.
class BytesView {
 public:
  // Throws Python's own TypeError or BufferError for what is no C-contiguous buffer.
  explicit BytesView(pybind11::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw pybind11::error_already_set();
  }
  ~BytesView() { PyBuffer_Release(&view_); }
  BytesView(const BytesView&) = delete;
  BytesView& operator=(const BytesView&) = delete;

  Bytes bytes() const { return {static_cast<const uint8_t*>(view_.buf), static_cast<size_t>(view_.len)}; }

 private:
  Py_buffer view_;
};

}  // namespace penstock

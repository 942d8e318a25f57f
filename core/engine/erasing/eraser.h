// Writes over parts of a finished result.
#pragma once

#include <vector>

#include "engine/erasing/ops.h"
#include "engine/execute.h"
#include "engine/geometry.h"
#include "engine/program.h"
#include "engine/scratch.h"

namespace penstock {

// Keeps its memory between results. Not thread-safe.
class Eraser {
 public:
  // Does what the erasing ops of `program`, with parameters `row`, do to the result at `out`: (3, H, W) or (H, W, 3) of
  // its dtype, `size` is (H, W). Throws Error(kOption) for parameters of another size.
  void erase(const Program& program, const double* row, Size size, MemoryFormat format, void* out);

 private:
  template <typename Item>
  void write(const Erasure& erasure, Size size, MemoryFormat format, Item* out);

  std::vector<Erasure> erasures_;
  Scratch<float> noise_;
};

}  // namespace penstock

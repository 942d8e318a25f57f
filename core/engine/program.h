// A compiled augmentation pipeline: its ops, and the drawing of their parameters. Immutable after construction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/geometry.h"
#include "engine/op.h"

namespace penstock {

// What the draws of one sample depend on (docs/design/2026-11-21-interfaces.md, "Random numbers").
struct SampleKey {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  int64_t index = 0;
  int64_t draw = 0;
  uint16_t view = 0;
};

class Program {
 public:
  // Throws Error(kSpec) for arguments or an order of ops that can't be run (Python has refused them before, with better
  // words).
  // `position`: of the first op in the pipeline that these ops are a part of, whose draws they keep.
  explicit Program(std::vector<Op> ops, size_t position = 0);

  const std::vector<Op>& ops() const { return ops_; }
  size_t position() const { return position_; }
  const std::vector<std::string>& columns() const { return columns_; }
  // First column of op `position` in a parameter row; -1 for an op that draws nothing.
  int column_of(size_t position) const { return first_column_[position]; }
  Dtype dtype() const { return dtype_; }
  size_t item_bytes() const;
  // How many crops a result is made of, and the position of the op that makes them: 1 and ops().size() without one.
  int crops() const { return crops_; }
  size_t crops_position() const { return crops_position_; }
  // Of a result, all crops; for programs with a fixed output size.
  size_t result_bytes() const;

  // The op that runs after `position`, with this parameter row; ops().size() after the last. The first is at 0.
  size_t next_run(size_t position, const double* row) const;
  // Size of the image that leaves op `position` when `size` reaches it; a group's members are ops of their own.
  Size size_after(size_t position, Size size) const;
  // Size of the result of an image of this size, with this parameter row.
  Size result_size(Size decoded, const double* row) const;
  std::optional<Size> output_size() const { return output_size_; }

  // Writes columns().size() doubles. Throws Error(kDecode) for an image that is smaller than a crop from it, or that an
  // op would make too large.
  void draw(const SampleKey& key, Size decoded, double* row) const;

 private:
  // Size of the image after these ops, or after one, where it is the same for every sample.
  std::optional<Size> known_size(size_t first, size_t last, std::optional<Size> size) const;
  std::optional<Size> known_size_after(size_t position, std::optional<Size> size) const;

  std::vector<Op> ops_;
  size_t position_;
  std::vector<std::string> columns_;
  std::vector<int> first_column_;
  Dtype dtype_ = Dtype::kUint8;
  std::optional<Size> output_size_;
  int crops_ = 1;
  size_t crops_position_;
};

}  // namespace penstock

// The samples of a frame's components for one region of the image, and how they become pixels.
#pragma once

#include <array>
#include <cstdint>

#include "engine/dct/frame.h"
#include "engine/dct/kernels.h"
#include "engine/geometry.h"
#include "engine/scratch.h"

namespace penstock {

// The blocks (x, y, width, height in blocks) of component `c` that the pixels of `region` depend on: their own, and the
// neighbours that fancy upsampling looks at. Columns begin at a multiple of `lanes`.
Rect blocks_for(const DctFrame& frame, int c, Rect region, int lanes);

// Somebody writes the samples of blocks, MCU row by MCU row, and gets pixels: upsampled as libjpeg-turbo does it
// (jdsample.c: "fancy" for 2:1, replicated otherwise) and converted to RGB. Reusable; not thread-safe.
class SamplePlanes {
 public:
  // Makes room for `region`, inside the image. Blocks will be written `lanes` at once.
  void prepare(const DctFrame& frame, Rect region, int lanes);

  const Rect& blocks(int component) const { return parts_[static_cast<size_t>(component)].blocks; }
  ptrdiff_t stride(int component) const { return parts_[static_cast<size_t>(component)].stride; }

  // Where the first sample of a block inside blocks(component) goes; `lanes` blocks from a column that is a multiple of
  // `lanes` have room.
  uint8_t* at(int component, int block_row, int block_column) {
    const Part& part = parts_[static_cast<size_t>(component)];
    return part.data + (block_row - part.blocks.y) * kBlockSide * part.stride +
           ptrdiff_t{block_column - part.blocks.x} * kBlockSide;
  }

  // To be called in order, when all blocks of an MCU row that lie inside blocks() are written; makes pixels of what is
  // complete.
  void finish_mcu_row(int mcu_row);

  // The region, once its last MCU row is finished. Valid until `prepare`; kReadAhead bytes after each plane may be
  // read.
  Planes pixels() const;

 private:
  // One component. If it is subsampled, it has memory for samples and for pixels, else they are the same.
  struct Part {
    Rect blocks;
    int step_x = 1;  // pixels per sample
    int step_y = 1;
    bool fancy = false;
    Size samples;
    uint8_t* data = nullptr;  // of the first sample of `blocks`
    ptrdiff_t stride = 0;
    uint8_t* pixels = nullptr;  // of pixel (origin_x_, pixel_y)
    int pixel_y = 0;

    bool is_whole() const { return step_x == 1 && step_y == 1; }
    uint8_t* row(int y) const { return data + (y - blocks.y * kBlockSide) * stride; }
  };

  void describe(const DctFrame& frame, int lanes);
  void allocate();
  void finish_rows(int from, int to);
  void upsample(const Part& part, int y);
  uint8_t* padded_row(const Part& part, int sample_row, int first, int last) const;
  uint8_t* pixel_row(const Part& part, int y) const { return part.pixels + (y - part.pixel_y) * pixel_stride_; }
  int right() const { return region_.x + region_.width; }
  int bottom() const { return region_.y + region_.height; }

  const PlaneKernels* kernels_ = nullptr;
  ColorModel color_ = ColorModel::kYcc;
  int component_count_ = 0;
  int mcu_height_ = 0;
  int rows_withheld_ = 0;  // of an MCU row, until the next one is there
  int last_mcu_row_ = 0;   // that the region depends on
  Rect region_;
  int origin_x_ = 0;      // pixel column at which planes begin
  int first_column_ = 0;  // pixel column from which on pixels are made: a multiple of all steps
  int next_row_ = 0;      // pixel row that is to be made next
  ptrdiff_t pixel_stride_ = 0;
  std::array<Part, kMaxComponents> parts_;
  Scratch<uint8_t> memory_;
};

}  // namespace penstock

// Makes the rows of warped images from the pixels around what is seen.
#pragma once

#include <cstdint>

#include "engine/geometry.h"
#include "engine/simd.h"
#include "engine/step.h"
#include "engine/warp/gather.h"
#include "engine/warp/packed_image.h"

namespace penstock {

// Bilinear, from 2x2 pixels, or bicubic, from 4x4; in doubles, and fractions of grey levels are cut off. Not
// thread-safe.
class Interpolator {
 public:
  // How often the outermost pixels of the packed image are to be repeated.
  static int border(Interpolation interpolation) { return interpolation == Interpolation::kBicubic ? 2 : 1; }

  // Before the rows of an image of this size, which `packed` holds with such a border. All are to outlive the rows.
  void begin(SimdLevel level, const Step& warp, Size size, const PackedImage& packed);

  // Writes row `y` of the result to `image`.
  void write_row(int y, const PlanarImage& image);

 private:
  // Pixels that are worked on together: all that belongs to them stays in the nearest cache.
  static constexpr int kChunk = 256;

  struct Chunk {
    int first;
    int count;
  };

  void find_places(int y, Chunk chunk);
  template <bool kDivides>
  void look(int y, Chunk chunk);
  void locate(int count);
  void write_chunk(Chunk chunk, const PlanarRow& row);
  void gather_bilinear(Chunk chunk);
  void write_bilinear(uint8_t* row, int channel, int count);
  void cubic_line(int line, Chunk chunk);
  void write_cubic(uint8_t* row, int channel, int count);

  SimdLevel level_ = SimdLevel::kPortable;
  const Step* warp_ = nullptr;
  Size size_;
  const PackedImage* packed_ = nullptr;

  // Of each pixel of the chunk, where it is seen: whether that is in the image, the pixel that it lies behind, and the
  // shares of the way to the next, to the right and down.
  alignas(64) int32_t inside_[kChunk];
  alignas(64) int32_t left_[kChunk];
  alignas(64) int32_t top_[kChunk];
  alignas(64) double across_[kChunk];
  alignas(64) double down_[kChunk];
  alignas(64) int32_t places_[kChunk];      // in the packed image, of the top left one of the pixels around
  alignas(64) uint32_t taps_[4][kChunk];    // of a line, or of both where each has two
  alignas(64) double lines_[3][4][kChunk];  // by channel: what each line gives
  alignas(64) int32_t levels_[kChunk];      // the result of a channel
};

}  // namespace penstock

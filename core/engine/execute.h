// Applies a program, with drawn parameters, to one image: decode the region that is needed, resize, flip, change
// pixels, convert, write, erase.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/geometry.h"
#include "engine/program.h"

namespace penstock {

// Decoded pixels that are read piece by piece.
class PlaneSource {
 public:
  virtual ~PlaneSource() = default;

  // The pixels of `rect`, which lies inside the image. They stay valid until the next call; kReadAhead bytes after the
  // last pixel of each plane may be read. Throws Error (kDecode, kTruncated).
  virtual Planes read(Rect rect) = 0;

  // Writes the same pixels to `to`, one plane after the other without gaps, the last row first if `flip`. What counts
  // as a read.
  virtual void copy(Rect rect, bool flip, uint8_t* to);

  // The image as interleaved pixels, where it lies in memory as such.
  virtual std::optional<Pixels> pixels() const { return std::nullopt; }

  // Whether there can be one call of `read` only.
  virtual bool reads_once() const { return false; }
};

// How the numbers of a result lie in memory.
enum class MemoryFormat {
  kContiguous,    // (3, H, W)
  kChannelsLast,  // (H, W, 3)
};

// A program with drawn parameters, and where its result goes.
struct Run {
  const Program* program;
  const double* row;
  void* out;
};

// One per thread: owns the JPEG decoder and all scratch memory, which is kept between samples. Not thread-safe.
class Executor {
 public:
  explicit Executor(MemoryFormat format = MemoryFormat::kContiguous);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Reads the header of an encoded image: its size, or nullopt for what belongs to Pillow (not a JPEG, CMYK, 12-bit
  // ...). Throws Error (kDecode, kTruncated). `data` must stay valid until the next call of open_jpeg.
  std::optional<Size> open_jpeg(Bytes data);

  // The pixels of the image that open_jpeg opened; to be read once per open_jpeg.
  PlaneSource& jpeg();

  // Takes what the programs need from an image of `size`, in as few reads as are worth it, and writes (3, H, W) or,
  // channels last, (H, W, 3) of program.dtype() without gaps to `out` of each run; (H, W) = program.result_size(size,
  // row). Of several crops one comes after the other. There is at least one run, and no two have a byte of `out` in
  // common. Throws Error (kDecode, kTruncated).
  void run(const std::vector<Run>& runs, Size size, PlaneSource& source);

  // The same from decoded pixels.
  void run_pixels(const std::vector<Run>& runs, Pixels image);

  // One program, on the JPEG that open_jpeg opened, and on decoded pixels.
  void run_jpeg(const Program& program, const double* row, void* out);
  void run_pixels(const Program& program, const double* row, Pixels image, void* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace penstock

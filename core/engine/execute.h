// Applies a program, with drawn parameters, to one image: decode the region that is needed, resize, flip, change
// pixels, convert, write.
#pragma once

#include <memory>
#include <optional>

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
};

// How the numbers of a result lie in memory.
enum class MemoryFormat {
  kContiguous,    // (3, H, W)
  kChannelsLast,  // (H, W, 3)
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

  // Takes what `program` needs from an image of `size`, in one read, and writes (3, H, W) or, channels last, (H, W, 3)
  // of program.dtype() without gaps to `out`; (H, W) = program.result_size(size, row). Throws Error (kDecode,
  // kTruncated).
  void run(const Program& program, const double* row, Size size, PlaneSource& source, void* out);

  // The same from the JPEG that open_jpeg opened, and from decoded pixels.
  void run_jpeg(const Program& program, const double* row, void* out);
  void run_pixels(const Program& program, const double* row, Pixels image, void* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace penstock

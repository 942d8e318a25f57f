#include "engine/execute.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/convert.h"
#include "engine/error.h"
#include "engine/jpeg.h"
#include "engine/resample.h"
#include "engine/scratch.h"
#include "engine/stage.h"

namespace penstock {
namespace {

void copy_rows(Pixels from, uint8_t* to, size_t to_stride) {
  for (int y = 0; y < from.size.height; ++y) {
    std::memcpy(to + y * to_stride, from.data + y * from.stride, static_cast<size_t>(from.size.width) * 3);
  }
}

void copy_rows_mirrored(Pixels from, uint8_t* to, size_t to_stride) {
  for (int y = 0; y < from.size.height; ++y) {
    const uint8_t* pixel = from.data + y * from.stride;
    uint8_t* mirrored = to + y * to_stride + static_cast<size_t>(from.size.width) * 3;
    for (int x = 0; x < from.size.width; ++x, pixel += 3) std::memcpy(mirrored -= 3, pixel, 3);
  }
}

Pixels cut(Pixels image, Rect rect) {
  return {image.data + rect.y * image.stride + ptrdiff_t{rect.x} * 3, {rect.height, rect.width}, image.stride};
}

// Room for an image without gaps between rows.
uint8_t* reserve_pixels(Scratch<uint8_t>& memory, Size size) {
  return memory.reserve(static_cast<size_t>(size.height) * size.width * 3 + kReadAhead);
}

// What a stage gave: an image, and where it lies in the (black) result.
struct Placed {
  Pixels image;
  Size size;
  int left = 0;
  int top = 0;
};

}  // namespace

struct Executor::State {
  JpegDecoder decoder;
  Size jpeg_size;
  Resampler resampler;
  PlaneWriter writer;
  std::vector<Stage> stages;
  Scratch<uint8_t> given;
  Scratch<uint8_t> mirrored;
  Scratch<uint8_t> intermediate;

  // `read(rect)` gives that rectangle of the source, with kReadAhead readable bytes after it.
  template <typename Read>
  void run(const Program& program, const double* row, Size size, Read read, void* out);
  template <typename Read>
  Placed run_stage(const Stage& stage, Read read);
  Pixels mirror(Pixels image);
  Pixels materialise(const Placed& placed);
};

template <typename Read>
void Executor::State::run(const Program& program, const double* row, Size size, Read read, void* out) {
  fold(program, row, size, stages);
  Placed placed = run_stage(stages.front(), read);
  for (size_t i = 1; i < stages.size(); ++i) {
    const Pixels image = materialise(placed);
    placed = run_stage(stages[i], [&image](Rect rect) { return cut(image, rect); });
  }
  writer.write(conversion_of(program), placed.image, placed.size, placed.left, placed.top, out);
}

template <typename Read>
Placed Executor::State::run_stage(const Stage& stage, Read read) {
  const Rect visible = stage.visible;
  // Where nothing of the image is visible, it is read all the same, so that damage is found.
  const bool blank = visible.width == 0;
  const Rect wanted = blank ? Rect{0, 0, 1, 1} : visible;
  const Size crop_size{stage.crop.height, stage.crop.width};
  const Rect needed = stage.resizes() ? resampler.prepare(crop_size, stage.resized, wanted, stage.flip) : wanted;
  Pixels image = read(Rect{stage.crop.x + needed.x, stage.crop.y + needed.y, needed.width, needed.height});
  if (stage.resizes()) {
    image = resampler.run(image);
  } else if (stage.flip) {
    image = mirror(image);
  }
  if (blank) return {{}, stage.size(), 0, 0};
  const int hidden_left = visible.x - stage.window.x;
  const int hidden_right = stage.window.width - hidden_left - visible.width;
  return {image, stage.size(), stage.flip ? hidden_right : hidden_left, visible.y - stage.window.y};
}

Pixels Executor::State::mirror(Pixels image) {
  uint8_t* const to = reserve_pixels(mirrored, image.size);
  const size_t stride = static_cast<size_t>(image.size.width) * 3;
  copy_rows_mirrored(image, to, stride);
  return {to, image.size, static_cast<ptrdiff_t>(stride)};
}

// The whole result as an image that a further stage reads.
Pixels Executor::State::materialise(const Placed& placed) {
  uint8_t* const to = reserve_pixels(intermediate, placed.size);
  const size_t stride = static_cast<size_t>(placed.size.width) * 3;
  std::memset(to, 0, stride * static_cast<size_t>(placed.size.height));
  copy_rows(placed.image, to + placed.top * stride + static_cast<size_t>(placed.left) * 3, stride);
  return {to, placed.size, static_cast<ptrdiff_t>(stride)};
}

Executor::Executor() : state_(new State) {}

Executor::~Executor() = default;

std::optional<Size> Executor::open_jpeg(Bytes data) {
  const std::optional<Size> size = state_->decoder.open(data);
  if (size) state_->jpeg_size = *size;
  return size;
}

void Executor::run_jpeg(const Program& program, const double* row, void* out) {
  JpegDecoder& decoder = state_->decoder;
  state_->run(program, row, state_->jpeg_size, [&decoder](Rect rect) { return decoder.decode(rect); }, out);
}

void Executor::run_pixels(const Program& program, const double* row, Pixels image, void* out) {
  // A copy, because nothing is known about what lies behind somebody else's pixels.
  const auto read = [this, image](Rect rect) -> Pixels {
    const Size size{rect.height, rect.width};
    uint8_t* const to = reserve_pixels(state_->given, size);
    const size_t stride = static_cast<size_t>(rect.width) * 3;
    copy_rows(cut(image, rect), to, stride);
    return {to, size, static_cast<ptrdiff_t>(stride)};
  };
  state_->run(program, row, image.size, read, out);
}

}  // namespace penstock

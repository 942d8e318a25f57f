#include "engine/execute.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/erasing/eraser.h"
#include "engine/error.h"
#include "engine/jpeg/deinterleave.h"
#include "engine/jpeg/jpeg.h"
#include "engine/pixels/convert.h"
#include "engine/pixels/gatherer.h"
#include "engine/pixels/pixel_writer.h"
#include "engine/pixels/resizer.h"
#include "engine/pixels/reverse.h"
#include "engine/reading_plan.h"
#include "engine/scratch.h"
#include "engine/simd.h"
#include "engine/stage.h"
#include "engine/step_runner.h"

namespace penstock {
namespace {

Planes cut(const Planes& planes, Rect rect) {
  const ptrdiff_t offset = rect.y * planes.stride + rect.x;
  return {{planes.data[0] + offset, planes.data[1] + offset, planes.data[2] + offset},
          {rect.height, rect.width},
          planes.stride};
}

// Planes one after the other, without gaps between rows.
Planes planes_of(const uint8_t* memory, Size size) {
  const ptrdiff_t plane_bytes = static_cast<ptrdiff_t>(size.height) * size.width;
  return {{memory, memory + plane_bytes, memory + 2 * plane_bytes}, size, size.width};
}

uint8_t* reserve_planes(Scratch<uint8_t>& memory, Size size) {
  return memory.reserve(static_cast<size_t>(size.height) * size.width * 3 + kReadAhead);
}

// The part of the stage's window that is made from its image; something where nothing is, so that the image is read all
// the same and damage is found.
Rect wanted_of(const Stage& stage) { return stage.visible.width == 0 ? Rect{0, 0, 1, 1} : stage.visible; }

// What the stage reads of its image, or more.
Rect reach_of(const Stage& stage) {
  const Size crop{stage.crop.height, stage.crop.width};
  Rect part = wanted_of(stage);
  if (stage.resizes()) {
    part = Resizer::reach(stage.filter, crop, stage.resized, part);
  } else if (stage.repeats()) {
    part = {0, 0, crop.width, crop.height};
  }
  return {stage.crop.x + part.x, stage.crop.y + part.y, part.width, part.height};
}

// Where the visible part of the stage's window lies in its result.
Rect visible_result(const Stage& stage) {
  const Rect visible = stage.visible, window = stage.window;
  const int left = visible.x - window.x, top = visible.y - window.y;
  const int right = window.width - left - visible.width, bottom = window.height - top - visible.height;
  return {stage.flip_horizontal ? right : left, stage.flip_vertical ? bottom : top, visible.width, visible.height};
}

// Where a result goes, and what its numbers are.
struct Target {
  Conversion conversion;
  MemoryFormat format;
  void* out;

  // Whether what a last stage gives is the result, as it lies in memory. Steps change bytes.
  bool is_result_of(const Stage& last) const {
    return format == MemoryFormat::kContiguous && (last.steps.empty() || conversion.dtype == Dtype::kUint8);
  }
};

class CutSource : public PlaneSource {
 public:
  // `planes` are the part of the image from column `x` and row `y` on.
  explicit CutSource(const Planes& planes, int x = 0, int y = 0) : planes_(planes), x_(x), y_(y) {}
  Planes read(Rect rect) override { return cut(planes_, {rect.x - x_, rect.y - y_, rect.width, rect.height}); }

 private:
  Planes planes_;
  int x_, y_;
};

class JpegSource : public PlaneSource {
 public:
  explicit JpegSource(JpegDecoder& decoder) : decoder_(decoder) {}
  Planes read(Rect rect) override { return decoder_.decode(rect); }
  bool reads_once() const override { return true; }

 private:
  JpegDecoder& decoder_;
};

// Copies, because nothing is known about what lies behind somebody else's pixels.
class PixelSource : public PlaneSource {
 public:
  PixelSource(Pixels pixels, Scratch<uint8_t>& memory) : pixels_(pixels), memory_(memory) {}

  Planes read(Rect rect) override {
    const Size size{rect.height, rect.width};
    uint8_t* const to = reserve_planes(memory_, size);
    copy(rect, false, to);
    return planes_of(to, size);
  }

  std::optional<Pixels> pixels() const override { return pixels_; }

  void copy(Rect rect, bool flip, uint8_t* to) override {
    const size_t plane_bytes = static_cast<size_t>(rect.height) * rect.width;
    const bool gapless =
        !flip && pixels_.stride == ptrdiff_t{rect.width} * 3 && plane_bytes <= std::numeric_limits<int32_t>::max();
    const int rows = gapless ? 1 : rect.height, width = gapless ? rect.height * rect.width : rect.width;
    for (int y = 0; y < rows; ++y) {
      uint8_t* const row = to + static_cast<size_t>(flip ? rows - 1 - y : y) * rect.width;
      deinterleave(simd_level(), pixels_.data + (rect.y + y) * pixels_.stride + ptrdiff_t{rect.x} * 3, width,
                   {row, row + plane_bytes, row + 2 * plane_bytes});
    }
  }

 private:
  const Pixels pixels_;
  Scratch<uint8_t>& memory_;
};

}  // namespace

void PlaneSource::copy(Rect rect, bool flip, uint8_t* to) {
  const Planes planes = read(rect);
  const auto width = static_cast<size_t>(rect.width);
  for (const uint8_t* const plane : planes.data) {
    for (int y = 0; y < rect.height; ++y, to += width) {
      std::memcpy(to, plane + (flip ? rect.height - 1 - y : y) * planes.stride, width);
    }
  }
}

struct Executor::State {
  explicit State(MemoryFormat result_format) : format(result_format) {}

  const MemoryFormat format;
  JpegDecoder decoder;
  JpegSource jpeg{decoder};
  Size jpeg_size;
  Resizer resizer;
  Gatherer gatherer;
  PlaneWriter writer;
  PixelWriter pixel_writer;
  StepRunner step_runner;
  Eraser eraser;
  std::vector<Folded> folded;  // per run
  Folded folded_crop;
  ReadingPlan plan;
  std::vector<Run> one_run{1};
  Scratch<uint8_t> given;
  Scratch<uint8_t> uncropped;   // what several crops are made of
  Scratch<uint8_t> between[2];  // results of stages, by turns

  const std::vector<Run>& only(const Program& program, const double* row, void* out);
  void run(const std::vector<Run>& runs, Size size, PlaneSource& source);
  void run_one(const Run& run, const Folded& folded, PlaneSource& source);
  void run_folded(const Folded& folded, const Target& target, PlaneSource& source);
  bool run_from_pixels(const Stage& stage, const Step& step, const PlaneSource& source, const PlanarImage& to);
  void write(const Target& target, const Planes& image);
  void run_stage(const Stage& stage, PlaneSource& source, const Conversion& conversion, void* out);
  PlaneFilter* filter_of(const Stage& stage);
  Rect needed_by(const Stage& stage, Rect wanted);
  void write_plane(const Stage& stage, const Planes& planes, int channel, int last_channel);
};

const std::vector<Run>& Executor::State::only(const Program& program, const double* row, void* out) {
  one_run.front() = {&program, row, out};
  return one_run;
}

void Executor::State::run(const std::vector<Run>& runs, Size size, PlaneSource& source) {
  if (folded.size() < runs.size()) folded.resize(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    fold(*runs[i].program, runs[i].row, size, {0, runs[i].program->crops_position()}, folded[i]);
  }
  if (runs.size() == 1) return run_one(runs[0], folded[0], source);
  plan.begin(source.reads_once());
  for (size_t i = 0; i < runs.size(); ++i) plan.add(reach_of(folded[i].stages.front()));
  plan.join(size.width);
  for (size_t number = 0; number < plan.count(); ++number) {
    const ReadPart& part = plan.part(number);
    CutSource pixels(source.read(part.rect), part.rect.x, part.rect.y);
    for (const size_t i : part.members) run_one(runs[i], folded[i], pixels);
  }
}

// `folded` are the ops before several crops are made, or all where none are.
void Executor::State::run_one(const Run& run, const Folded& folded, PlaneSource& source) {
  const Program& program = *run.program;
  const Conversion conversion = conversion_of(program);
  if (program.crops() == 1) {
    run_folded(folded, {conversion, format, run.out}, source);
    eraser.erase(program, run.row, folded.stages.back().size(), format, run.out);
    return;
  }
  const Size whole = folded.stages.back().size();
  uint8_t* const planes = reserve_planes(uncropped, whole);
  run_folded(folded, {Conversion{}, MemoryFormat::kContiguous, planes}, source);
  CutSource image(planes_of(planes, whole));
  auto* out = static_cast<uint8_t*>(run.out);
  for (int crop = 0; crop < program.crops(); ++crop) {
    fold(program, run.row, whole, {program.crops_position(), program.ops().size(), crop}, folded_crop);
    run_folded(folded_crop, {conversion, format, out}, image);
    const Size size = folded_crop.stages.back().size();
    eraser.erase(program, run.row, size, format, out);
    out += size_t{3} * program.item_bytes() * static_cast<size_t>(size.height) * static_cast<size_t>(size.width);
  }
}

void Executor::State::run_folded(const Folded& folded, const Target& target, PlaneSource& source) {
  Planes image;
  bool written = false;
  for (size_t i = 0; i < folded.stages.size(); ++i) {
    const Stage& stage = folded.stages[i];
    written = i + 1 == folded.stages.size() && target.is_result_of(stage);
    void* const to = written ? target.out : reserve_planes(between[i % 2], stage.size());
    CutSource earlier(image);
    const PlanarImage changed{static_cast<uint8_t*>(to), stage.size()};
    const Step* step = folded.steps.data() + stage.steps.first;
    const Step* const end = folded.steps.data() + stage.steps.last;
    if (i == 0 && step != end && run_from_pixels(stage, *step, source, changed)) {
      ++step;
    } else {
      run_stage(stage, i == 0 ? source : earlier, written ? target.conversion : Conversion{}, to);
    }
    step_runner.run(step, end, changed);
    image = planes_of(changed.data, stage.size());
  }
  if (!written) write(target, image);
}

// Does a stage and its first step at once, where that is a way to do them: whether it was.
bool Executor::State::run_from_pixels(const Stage& stage, const Step& step, const PlaneSource& source,
                                      const PlanarImage& to) {
  const std::optional<Pixels> pixels = source.pixels();
  if (!pixels || !stage.copies() || stage.flip_vertical) return false;
  const ptrdiff_t x = stage.crop.x + stage.window.x, y = stage.crop.y + stage.window.y;
  return step_runner.run_from(step, {pixels->data + y * pixels->stride + 3 * x, to.size, pixels->stride}, to);
}

void Executor::State::write(const Target& target, const Planes& image) {
  if (target.format == MemoryFormat::kChannelsLast) {
    pixel_writer.write(target.conversion, image, target.out);
    return;
  }
  writer.begin(target.conversion, image.size, {0, 0, image.size.width, image.size.height}, {}, target.out);
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < image.size.height; ++y) writer.write(channel, y, image.data[channel] + y * image.stride);
  }
  writer.finish();
}

void Executor::State::run_stage(const Stage& stage, PlaneSource& source, const Conversion& conversion, void* out) {
  if (stage.copies() && conversion.dtype == Dtype::kUint8) {
    const Rect crop = stage.crop, window = stage.window;
    source.copy({crop.x + window.x, crop.y + window.y, window.width, window.height}, stage.flip_vertical,
                static_cast<uint8_t*>(out));
    return;
  }
  const bool blank = stage.visible.width == 0;
  const Rect needed = needed_by(stage, wanted_of(stage));
  const Planes planes = source.read({stage.crop.x + needed.x, stage.crop.y + needed.y, needed.width, needed.height});
  if (blank) {
    writer.begin(conversion, stage.size(), {}, stage.padding.fill, out);
    return;
  }
  writer.begin(conversion, stage.size(), visible_result(stage), stage.padding.fill, out);
  for (int channel = 0; channel < 3; ++channel) {
    // The planes of a grey image are one.
    int last = channel;
    while (last < 2 && planes.data[last + 1] == planes.data[channel]) ++last;
    write_plane(stage, planes, channel, last);
    channel = last;
  }
  writer.finish();
}

// What makes the stage's rows; nullptr where they are the image's, or these mirrored.
PlaneFilter* Executor::State::filter_of(const Stage& stage) {
  if (stage.resizes()) return &resizer.filter();
  return stage.repeats() ? &gatherer : nullptr;
}

// The part of the stage's crop that `wanted`, a part of its window, is made from. Prepares its filter.
Rect Executor::State::needed_by(const Stage& stage, Rect wanted) {
  const Size crop{stage.crop.height, stage.crop.width};
  if (stage.resizes()) return resizer.prepare(stage.filter, crop, stage.resized, wanted, stage.flip_horizontal);
  return stage.repeats() ? gatherer.prepare(crop, stage.padding.mode, wanted, stage.flip_horizontal) : wanted;
}

// Writes a plane as the channels from `channel` to `last_channel`.
void Executor::State::write_plane(const Stage& stage, const Planes& planes, int channel, int last_channel) {
  const Rect visible = stage.visible;
  PlaneFilter* const filter = filter_of(stage);
  if (filter != nullptr) filter->begin(planes.data[channel], planes.stride);
  for (int y = 0; y < visible.height; ++y) {
    const int to = stage.flip_vertical ? visible.height - 1 - y : y;
    const uint8_t* row = planes.data[channel] + y * planes.stride;
    if (filter != nullptr || stage.flip_horizontal) {
      uint8_t* const memory = writer.row_memory(channel, to);
      if (filter != nullptr) {
        filter->next_row(memory);
      } else {
        reverse_row(simd_level(), row, static_cast<size_t>(visible.width), memory);
      }
      row = memory;
    }
    for (int each = channel; each <= last_channel; ++each) writer.write(each, to, row);
  }
}

Executor::Executor(MemoryFormat format) : state_(new State(format)) {}

Executor::~Executor() = default;

std::optional<Size> Executor::open_jpeg(Bytes data) {
  const std::optional<Size> size = state_->decoder.open(data);
  if (size) state_->jpeg_size = *size;
  return size;
}

PlaneSource& Executor::jpeg() { return state_->jpeg; }

void Executor::run_jpeg(const Program& program, const double* row, void* out) {
  state_->run(state_->only(program, row, out), state_->jpeg_size, state_->jpeg);
}

void Executor::run_pixels(const Program& program, const double* row, Pixels image, void* out) {
  run_pixels(state_->only(program, row, out), image);
}

void Executor::run_pixels(const std::vector<Run>& runs, Pixels image) {
  PixelSource source(image, state_->given);
  state_->run(runs, image.size, source);
}

void Executor::run(const std::vector<Run>& runs, Size size, PlaneSource& source) { state_->run(runs, size, source); }

}  // namespace penstock

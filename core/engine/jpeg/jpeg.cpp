#include "engine/jpeg/jpeg.h"

#include <algorithm>
#include <cstring>

#include "engine/dct/frame.h"
#include "engine/error.h"
#include "engine/jpeg/baseline_decoder.h"
#include "engine/jpeg/deinterleave.h"
#include "engine/jpeg/jpeg_guard.h"
#include "engine/jpeg/jpeg_header.h"
#include "engine/jpeg/jpeg_segments.h"
#include "engine/jpeg/jpeg_source.h"
#include "engine/rounding.h"
#include "engine/scratch.h"
#include "engine/simd.h"

namespace penstock {
namespace {

constexpr int kRowsPerCall = 16;
constexpr size_t kPillowBlock = 65536;  // ImageFile.MAXBLOCK

[[noreturn]] void throw_unreadable(const char* message, ptrdiff_t place) {
  throw Error(Fault::kDecode, std::string("not a readable JPEG: libjpeg says \"") + message + "\" near byte " +
                                  std::to_string(place) + "; fetch the file again, or remove it");
}

[[noreturn]] void throw_truncated(size_t size) {
  throw Error(Fault::kTruncated, "the JPEG ends before its last row, at byte " + std::to_string(size) +
                                     "; fetch the file again, or remove it");
}

}  // namespace

// libjpeg's objects and callbacks.
struct JpegDecoder::State {
  JpegGuard guard;
  jpeg_decompress_struct info;
  SuspendingSource source;
  jpeg_progress_mgr progress;

  JpegBackend backend;
  BaselineDecoder baseline;
  bool plain = false;  // `baseline` has the header, libjpeg has not read it

  Bytes data;
  Size size;
  Rect area;  // what `planes` hold: the region and its margin
  Scratch<uint8_t> planes;
  Scratch<uint8_t> rows;  // as libjpeg gives them

  bool grey() const { return info.num_components == 1; }
  size_t row_bytes() const { return static_cast<size_t>(area.width) * (grey() ? 1 : 3); }

  explicit State(JpegBackend chosen) : backend(chosen) {}

  void create();
  void open(size_t first_bytes);
  Planes decode(Rect region);
  bool extend();
  bool read_header();
  bool start();
  void choose_area(Rect region);
  void reserve_area();
  void keep(size_t row_count, size_t first);
  bool read_area();
  Planes cut(Rect region) const;
  bool ends_well();
  bool read_every_row(int kept_rows);
  void decode_in_blocks(int kept_rows);

  // As the guard's `attempt`, for a body that returns false where the data end too early. Throws Error.
  template <typename Body>
  void run(Body body) {
    bool complete = false;
    const bool alive = guard.attempt([&] { complete = body(); });
    if (alive && complete) return;
    const ptrdiff_t place = source.next_input_byte - data.data;
    jpeg_abort_decompress(&info);
    if (!alive) throw_unreadable(guard.message(), place);
    throw_truncated(data.size);
  }
};

void JpegDecoder::State::create() {
  guard.watch(info);
  jpeg_create_decompress(&info);
  source.attach(info);
  info.progress = &progress;
  progress.progress_monitor = JpegGuard::limit_scans;
}

// With a new libjpeg object, because an old one takes tables that a file lacks from the file before.
void JpegDecoder::State::open(size_t first_bytes) {
  jpeg_destroy_decompress(&info);
  if (!guard.attempt([this] { create(); })) throw_unreadable(guard.message(), 0);
  source.begin({data.data, first_bytes});
  plain = false;
  run([this] { return read_header(); });
  const bool same =
      static_cast<int>(info.image_width) == size.width && static_cast<int>(info.image_height) == size.height;
  if (!same)
    throw Error(Fault::kDecode,
                "the bytes of the JPEG changed while it was read; keep them as they are until it is done");
}

// Fancy upsampling looks at neighbouring chroma samples; libjpeg's own cropping and skipping take the crop's edge for
// the image's there, hence a margin of one MCU. Below, libjpeg reads on by itself.
void JpegDecoder::State::choose_area(Rect region) {
  const int bottom = region.y + region.height;
  const int mcu_width = info.max_h_samp_factor * DCTSIZE;
  const int mcu_height = info.max_v_samp_factor * DCTSIZE;
  const int left = std::max(0, rounded_down(region.x, mcu_width) - mcu_width);
  const int right = std::min(static_cast<int>(info.output_width), region.x + region.width + mcu_width);
  const int top = std::max(0, rounded_down(region.y, mcu_height) - mcu_height);
  JDIMENSION x = static_cast<JDIMENSION>(left);
  JDIMENSION width = static_cast<JDIMENSION>(right - left);
  jpeg_crop_scanline(&info, &x, &width);
  area = {static_cast<int>(x), top, static_cast<int>(width), bottom - top};
}

void JpegDecoder::State::reserve_area() {
  planes.reserve((grey() ? 1 : 3) * static_cast<size_t>(area.width) * area.height + kReadAhead);
  rows.reserve(row_bytes() * kRowsPerCall);
}

// Puts rows that libjpeg gave where they belong, from row `first` of the area on.
void JpegDecoder::State::keep(size_t row_count, size_t first) {
  const size_t plane_bytes = static_cast<size_t>(area.width) * area.height;
  for (size_t i = 0; i < row_count; ++i) {
    const uint8_t* const row = rows.get() + i * row_bytes();
    uint8_t* const to = planes.get() + (first + i) * area.width;
    if (grey()) {
      std::memcpy(to, row, row_bytes());
    } else {
      deinterleave(simd_level(), row, area.width, {to, to + plane_bytes, to + 2 * plane_bytes});
    }
  }
}

bool JpegDecoder::State::read_area() {
  if (area.y > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(area.y));
  const JDIMENSION height = static_cast<JDIMENSION>(area.height);
  JSAMPROW scanlines[kRowsPerCall];
  for (int i = 0; i < kRowsPerCall; ++i) scanlines[i] = rows.get() + i * row_bytes();
  for (JDIMENSION done = 0; done < height;) {
    const JDIMENSION wanted = std::min<JDIMENSION>(kRowsPerCall, height - done);
    const JDIMENSION got = jpeg_read_scanlines(&info, scanlines, wanted);
    if (got == 0) return false;
    keep(got, done);
    done += got;
  }
  return true;
}

Planes JpegDecoder::State::cut(Rect region) const {
  const size_t plane_bytes = grey() ? 0 : static_cast<size_t>(area.width) * area.height;
  const uint8_t* const first = planes.get() + static_cast<size_t>(region.y - area.y) * area.width + (region.x - area.x);
  return {{first, first + plane_bytes, first + 2 * plane_bytes}, {region.height, region.width}, area.width};
}

// Whether what follows the decoded rows is sure to satisfy Pillow. Several scans have been read to their end already;
// after a single one the decoder can neither run out of data nor meet a segment that it refuses if EOI comes next.
bool JpegDecoder::State::ends_well() {
  if (jpeg_has_multiple_scans(&info)) return true;
  if (info.unread_marker != 0 && !is_restart(info.unread_marker)) return info.unread_marker == kEoi;
  return JpegSegments({source.next_input_byte, source.bytes_in_buffer}, 0).marker_after_scan() == kEoi;
}

bool JpegDecoder::State::extend() {
  const uint8_t* const end = source.next_input_byte + source.bytes_in_buffer;
  const size_t left = data.size - static_cast<size_t>(end - data.data);
  if (left == 0) return false;
  source.extend(std::min(left, kPillowBlock));
  return true;
}

bool JpegDecoder::State::read_header() {
  while (jpeg_read_header(&info, TRUE) != JPEG_HEADER_OK) {
    if (!extend()) return false;
  }
  return true;
}

// Where a file has several scans, this reads them all.
bool JpegDecoder::State::start() {
  info.out_color_space = grey() ? JCS_GRAYSCALE : JCS_RGB;
  while (!jpeg_start_decompress(&info)) {
    if (!extend()) return false;
  }
  return true;
}

bool JpegDecoder::State::read_every_row(int kept_rows) {
  while (info.output_scanline < info.output_height) {
    const JDIMENSION y = info.output_scanline;
    JSAMPROW scanline = rows.get();
    while (jpeg_read_scanlines(&info, &scanline, 1) == 0) {
      if (!extend()) return false;
    }
    if (y < static_cast<JDIMENSION>(kept_rows)) keep(1, y);
  }
  jpeg_finish_decompress(&info);
  return true;
}

// Decodes the open file as Pillow does, to share its verdict: in blocks (where the data end just before the last MCU,
// their size decides how far the decoder gets), every row, and what follows the last one may end early but not be
// refused.
void JpegDecoder::State::decode_in_blocks(int kept_rows) {
  open(std::min(data.size, kPillowBlock));
  run([this] { return start(); });
  area = {0, 0, static_cast<int>(info.output_width), kept_rows};
  reserve_area();
  run([this, kept_rows] { return read_every_row(kept_rows); });
}

Planes JpegDecoder::State::decode(Rect region) {
  run([this] { return start(); });
  run([this, region] {
    choose_area(region);
    return true;
  });
  reserve_area();
  bool complete = false;
  run([this, &complete] {
    complete = read_area();
    return true;
  });
  if (!complete || !ends_well()) decode_in_blocks(region.y + region.height);
  return cut(region);
}

JpegDecoder::JpegDecoder(JpegBackend backend) : state_(new State(backend)) {
  State& state = *state_;
  if (!state.guard.attempt([&state] { state.create(); })) throw_unreadable(state.guard.message(), 0);
}

JpegDecoder::~JpegDecoder() { jpeg_destroy_decompress(&state_->info); }

std::optional<Size> JpegDecoder::open(Bytes data) {
  State& state = *state_;
  jpeg_abort_decompress(&state.info);
  const std::optional<Size> size = read_jpeg_header(data);
  if (!size) return std::nullopt;
  state.data = data;
  state.size = *size;
  state.plain = state.backend == JpegBackend::kFastest && state.baseline.open(data);
  if (!state.plain) state.open(data.size);
  return size;
}

Planes JpegDecoder::decode(Rect region) {
  State& state = *state_;
  if (state.plain) {
    if (const std::optional<Planes> planes = state.baseline.decode(state.data, region)) return *planes;
    state.open(state.data.size);
  }
  return state.decode(region);
}

void JpegDecoder::check() { state_->decode_in_blocks(0); }

std::string JpegDecoder::sampling() const {
  if (state_->plain) state_->open(state_->data.size);
  const jpeg_decompress_struct& info = state_->info;
  DctFrame frame;
  frame.component_count = info.num_components;
  for (int c = 0; c < info.num_components; ++c) {
    frame.components[c].horizontal = info.comp_info[c].h_samp_factor;
    frame.components[c].vertical = info.comp_info[c].v_samp_factor;
  }
  return sampling_name(frame);
}

}  // namespace penstock

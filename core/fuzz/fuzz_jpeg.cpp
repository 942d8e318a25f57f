// A JPEG: JpegDecoder gives the pixels of libjpeg-turbo alone, whole and in part; where it becomes a dct record, that
// has the same pixels and coefficients, and the JPEG that is rebuilt gives the same record. Input: four u16 that choose
// a rectangle, 8 bytes of nothing, then the JPEG.
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "engine/dct/encoder.h"
#include "engine/dct/encoder_source.h"
#include "engine/error.h"
#include "engine/jpeg/jpeg.h"
#include "engine/simd.h"
#include "fuzz/dct_outcome.h"
#include "fuzz/input.h"
#include "fuzz/libjpeg_pixels.h"

namespace penstock::fuzzing {
namespace {

constexpr int64_t kMaxPixels = 1 << 16;

Outcome decode(Bytes jpeg, Rect region) {
  JpegDecoder decoder;
  try {
    decoder.open(jpeg);
    return {std::nullopt, cut(decoder.decode(region), {0, 0, region.width, region.height})};
  } catch (const Error& error) {
    return {error.fault(), {}};
  }
}

std::optional<EncodedDct> encode(Bytes jpeg) {
  try {
    return encode_dct(jpeg);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void check_pixels(Bytes jpeg, Size size, Rect region, const Outcome& whole, const Outcome& part) {
  require(whole.fault == part.fault, "a region fails where the whole does");
  if (whole.fault) return;
  require(libjpeg_pixels(jpeg) == whole.pixels, "pixels are libjpeg's");
  const size_t plane = static_cast<size_t>(size.height) * size.width;
  const uint8_t* const first = whole.pixels.data();
  const Planes planes = {{first, first + plane, first + 2 * plane}, size, size.width};
  require(cut(planes, region) == part.pixels, "a region is a part of the whole");
}

// Records are of files that libjpeg reads without a warning, and keep what it reads.
void compare_coefficients(Bytes jpeg, Bytes rebuilt) {
  JpegCoefficients expected(jpeg), got(rebuilt);
  require(expected.read().empty() && got.read().empty(), "libjpeg has no doubts about what becomes a record");
  const DctFrame& frame = expected.frame();
  require(frame.component_count == got.frame().component_count, "a rebuilt JPEG has as many components");
  for (int c = 0; c < frame.component_count; ++c) {
    const DctComponent& component = frame.components[c];
    require(component.quantization == got.frame().components[c].quantization, "a rebuilt JPEG has the same tables");
    const size_t row_bytes = static_cast<size_t>(component.blocks.width) * sizeof(Block);
    for (int y = 0; y < component.blocks.height; ++y) {
      require(std::memcmp(expected.row(c, y), got.row(c, y), row_bytes) == 0, "a record keeps all coefficients");
    }
  }
}

void check_record(Bytes source, const EncodedDct& encoded, Rect region, const Outcome& whole, const Outcome& part) {
  const Size size = encoded.size;
  const DctRecord record({encoded.record.data(), encoded.record.size()});
  require(record.size() == size, "a record has the size of its JPEG");
  require(record.decode({0, 0, size.width, size.height}, true) == whole, "a record has the pixels of its JPEG");
  require(record.decode(region, true) == part, "a region of a record has the pixels of the JPEG's");
  const std::vector<uint8_t> jpeg = rebuild_jpeg({encoded.record.data(), encoded.record.size()});
  compare_coefficients(source, {jpeg.data(), jpeg.size()});
  require(encode_dct({jpeg.data(), jpeg.size()}).record == encoded.record, "a rebuilt JPEG gives the same record");
}

}  // namespace
}  // namespace penstock::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  using namespace penstock::fuzzing;
  const Controls controls(data, size);
  const Copy copy(controls.rest());
  const Bytes jpeg = copy.bytes();
  std::optional<Size> found;
  try {
    found = JpegDecoder().open(jpeg);
  } catch (const Error&) {
  }
  if (!found) {
    require(!encode(jpeg), "what JpegDecoder does not read is not encoded");
    return 0;
  }
  if (int64_t{found->height} * found->width > kMaxPixels) return 0;
  const Rect region = controls.rect(0, *found, 1 << 16);
  const Outcome whole = decode(jpeg, {0, 0, found->width, found->height}), part = decode(jpeg, region);
  check_pixels(jpeg, *found, region, whole, part);
  std::optional<EncodedDct> first;
  for (const std::string& level : simd_levels()) {
    set_simd_level(level);
    const std::optional<EncodedDct> encoded = encode(jpeg);
    require(encoded.has_value() == !whole.fault, "what can be decoded can be encoded, or has a reason");
    if (!encoded) return 0;
    require(encoded->record.empty() == !encoded->reason.empty(), "there is a record or a reason");
    if (!first) first = encoded;
    require(encoded->record == first->record && encoded->reason == first->reason, "all levels encode the same");
  }
  if (!first->record.empty()) check_record(jpeg, *first, region, whole, part);
  return 0;
}

// A JPEG: what BaselineDecoder decodes at all, at any instruction-set level, libjpeg-turbo decodes to the same pixels.
// Input: four u16 that choose a rectangle, 8 bytes of nothing, then the JPEG.
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/jpeg/baseline_decoder.h"
#include "engine/jpeg/jpeg.h"
#include "engine/simd.h"
#include "fuzz/dct_outcome.h"
#include "fuzz/input.h"

namespace penstock::fuzzing {
namespace {

constexpr int64_t kMaxPixels = 1 << 14;

std::optional<Size> open(JpegDecoder& decoder, Bytes jpeg) {
  try {
    return decoder.open(jpeg);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Outcome decode(JpegDecoder& decoder, Rect region) {
  try {
    return {std::nullopt, cut(decoder.decode(region), {0, 0, region.width, region.height})};
  } catch (const Error& error) {
    return {error.fault(), {}};
  }
}

}  // namespace
}  // namespace penstock::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  using namespace penstock::fuzzing;
  static const std::vector<std::string> levels = simd_levels();
  static BaselineDecoder baseline;
  const Controls controls(data, size);
  const Copy copy(controls.rest());
  JpegDecoder libjpeg(JpegBackend::kLibjpeg);
  const std::optional<Size> found = open(libjpeg, copy.bytes());
  if (!found) {
    // Only a header that both have accepted may be decoded by either.
    JpegDecoder fastest;
    require(!open(fastest, copy.bytes()), "what libjpeg refuses is refused");
    return 0;
  }
  if (int64_t{found->height} * found->width > kMaxPixels || !baseline.open(copy.bytes())) return 0;
  const Rect region = controls.rect(0, *found, 1 << 16);
  const Outcome expected = decode(libjpeg, region);
  for (const std::string& level : levels) {
    set_simd_level(level);
    const std::optional<Planes> planes = baseline.decode(copy.bytes(), region);
    if (!planes) continue;
    require(expected == Outcome{std::nullopt, cut(*planes, {0, 0, region.width, region.height})},
            "pixels and verdict are libjpeg's");
  }
  return 0;
}

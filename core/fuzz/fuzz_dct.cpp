// A dct record: its head, the pixels of a rectangle at every instruction-set level, and the JPEG rebuilt from it.
// Input: four u16 that choose the rectangle, a byte of flags (bit 0: leave the checksums as they are), 7 of nothing,
// then the record.
#include <optional>
#include <vector>

#include "engine/dct/encoder.h"
#include "engine/error.h"
#include "fuzz/dct_outcome.h"
#include "fuzz/input.h"
#include "fuzz/signing.h"

namespace penstock::fuzzing {
namespace {

constexpr int kLongestSide = 96;

bool is_small(Size size) { return size.height <= kLongestSide && size.width <= kLongestSide; }

Rect all_of(Size size) { return {0, 0, size.width, size.height}; }

// A region equals the same part of the whole, where that can be decoded.
void compare_with_whole(const DctRecord& record, Rect region, const Outcome& whole) {
  const Outcome outcome = record.decode(region, !whole.fault);
  if (whole.fault) return;  // the damage may lie outside the region
  require(!outcome.fault, "a sound image has sound regions");
  const Size size = record.size();
  const size_t plane = static_cast<size_t>(size.height) * size.width;
  const uint8_t* const first = whole.pixels.data();
  const Planes planes = {{first, first + plane, first + 2 * plane}, size, size.width};
  require(cut(planes, region) == outcome.pixels, "a region is a part of the whole");
}

// What is rebuilt from a record, and can be encoded again, has its pixels.
void rebuild(Bytes bytes, const Outcome& whole) {
  std::vector<uint8_t> jpeg;
  try {
    jpeg = rebuild_jpeg(bytes);
  } catch (const Error&) {
    return;  // damaged, or beyond what a JPEG may hold
  }
  require(!whole.fault, "what can't be decoded is not rebuilt");
  const EncodedDct again = encode_dct({jpeg.data(), jpeg.size()});
  if (again.record.empty()) return;  // coefficients that encoders don't store
  const DctRecord record({again.record.data(), again.record.size()});
  require(record.decode(all_of(record.size()), true) == whole, "a rebuilt JPEG has the record's pixels");
}

}  // namespace
}  // namespace penstock::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  using namespace penstock::fuzzing;
  const Controls controls(data, size);
  Copy bytes(controls.rest());
  if ((controls.u8(8) & 1) == 0) sign_dct_record(bytes.data(), bytes.bytes().size);
  std::optional<DctRecord> record;
  try {
    record.emplace(bytes.bytes());
  } catch (const Error&) {
    return 0;
  }
  const Rect region = controls.rect(0, record->size(), kLongestSide);
  if (is_small(record->size())) {
    const Outcome whole = record->decode(all_of(record->size()), true);
    compare_with_whole(*record, region, whole);
    rebuild(bytes.bytes(), whole);
  } else {
    record->decode(region, false);
  }
  return 0;
}

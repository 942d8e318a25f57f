// A dct record as a source of pixels that times each stage of decoding, one after the other instead of fused.
#pragma once

#include <time.h>

#include <cstdint>
#include <string>

#include "engine/dct/decoder.h"
#include "engine/dct/record.h"
#include "engine/dct/sample_planes.h"
#include "engine/execute.h"
#include "engine/geometry.h"
#include "engine/reader.h"

namespace penstock {

// Seconds that this thread has had a processor: what other processes take does not count. A call costs about 0.2 us.
inline double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Where the bytes of a record lie.
struct Place {
  std::string path;
  int64_t offset = 0;
  int64_t length = 0;
};

// Seconds, and bytes, of all records so far. Decoding is timed by successive differences, all after a pass that isn't
// timed, so that what they write is in the cache: expanding alone, with the inverse DCT, with upsampling and colour
// too.
struct StageTimes {
  double read = 0;
  double head = 0;
  double checksum = 0;
  double expand = 0;
  double expand_inverse = 0;
  double expand_inverse_colour = 0;
  int64_t bytes = 0;
  int64_t blocks = 0;
};

// The last stage that is done.
enum class Until { kExpand, kInverse, kColour };

// Reusable; not thread-safe.
class StagedSource : public PlaneSource {
 public:
  // Opens a record, and gives its size.
  Size open(const Place& place);

  Planes read(Rect rect) override;

  const StageTimes& times() const { return times_; }
  // Seconds spent inside `read`.
  double seconds_in_read() const { return seconds_in_read_; }

 private:
  void check(RowRange range, Bytes rows) const;
  void decode(RowRange range, Bytes rows, Rect rect, Until until);

  template <typename Visit>
  void visit_segments(int mcu_row, Bytes row, const Visit& visit) const;

  Reader reader_;
  ReadBuffer buffer_;
  Place place_;
  DctHead head_;
  SamplePlanes planes_;
  StageTimes times_;
  double seconds_in_read_ = 0;
};

// The same record the way the engine decodes it: everything fused, row by row.
class FusedSource : public PlaneSource {
 public:
  Size open(const Place& place);
  Planes read(Rect rect) override;

 private:
  Reader reader_;
  ReadBuffer buffer_;
  Place place_;
  DctHead head_;
  DctDecoder decoder_;
};

}  // namespace penstock

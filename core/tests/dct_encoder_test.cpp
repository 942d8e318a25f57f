#include <algorithm>
#include <string>

#include "engine/dct/encoder.h"
#include "engine/dct/encoder_segment.h"
#include "engine/error.h"
#include "engine/simd.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

// Few or many coefficients, small or large ones.
void fill(Random& random, int16_t (&block)[kBlockItems]) {
  constexpr int kReaches[] = {1, 8, 9, 20, 127, 128, 300, 1023, 1500, 32767};
  const int reach = kReaches[between(random, 0, between(random, 3, 9))], density = between(random, 0, 100);
  for (int16_t& item : block) {
    item = static_cast<int16_t>(between(random, 1, 100) <= density ? between(random, -reach - 1, reach) : 0);
  }
  block[0] = static_cast<int16_t>(between(random, -1025, 1024));
}

TEST(segments_are_the_same_at_every_level) {
  Random random(1);
  int packed = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Quantization quantization;
    for (uint16_t& value : quantization)
      value = static_cast<uint16_t>(between(random, 1, round % 50 == 0 ? 65535 : 12));
    const RangeLimits limits(quantization);
    int16_t blocks[kSegmentBlocks][kBlockItems];
    const int count = between(random, 1, kSegmentBlocks);
    for (int b = 0; b < count; ++b) fill(random, blocks[b]);
    std::vector<uint8_t> first;
    for (const SimdLevel level : {SimdLevel::kPortable, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
      if (static_cast<size_t>(level) >= simd_levels().size()) continue;
      std::vector<uint8_t> out(kSegmentRoom);
      const uint16_t entry = segment_packer(level)(blocks, count, limits, out.data());
      out.resize(entry & kSegmentLength);
      out.push_back(static_cast<uint8_t>(entry >> 8));
      if (level == SimdLevel::kPortable) first = out;
      CHECK(out == first);
    }
    first.size() == 1 ? ++refused : ++packed;
  }
  CHECK(packed > 1000);
  CHECK(refused > 1000);
}

JpegKind random_kind(Random& random) {
  constexpr int kFactors[] = {1, 2, 4};
  JpegKind kind{{1, 1}};
  if (between(random, 0, 4) > 0)
    kind.factors = {kFactors[between(random, 0, 1)], kFactors[between(random, 0, 1)], 1, 1, 1, 1};
  kind.progressive = between(random, 0, 2) == 0;
  kind.restart_interval = between(random, 0, 3) == 0 ? between(random, 1, 5) : 0;
  kind.quality = between(random, 5, 100);
  return kind;
}

// Whatever the bytes are, there is a record, a reason or an Error.
TEST(damaged_jpegs_do_no_harm) {
  Random random(2);
  int encoded = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> data =
        make_jpeg(random, {between(random, 1, 60), between(random, 1, 60)}, random_kind(random));
    const int reach = between(random, 0, 1) == 0 ? static_cast<int>(data.size()) : 700;
    for (int flips = between(random, 0, 8); flips > 0; --flips) {
      data[static_cast<size_t>(between(random, 0, reach - 1)) % data.size()] = static_cast<uint8_t>(random());
    }
    if (round % 5 == 0) data.resize(static_cast<size_t>(between(random, 0, static_cast<int>(data.size()))));
    data.shrink_to_fit();
    try {
      const EncodedDct result = encode_dct(bytes_of(data));
      CHECK(result.record.empty() != result.reason.empty());
      ++encoded;
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(encoded > 300);
  CHECK(refused > 300);
}

TEST(damaged_records_do_no_harm) {
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    const std::vector<uint8_t> jpeg =
        make_jpeg(random, {between(random, 1, 60), between(random, 1, 60)}, random_kind(random));
    std::vector<uint8_t> record = encode_dct(bytes_of(jpeg)).record;
    if (record.empty()) continue;
    const std::vector<uint8_t> rebuilt = rebuild_jpeg(bytes_of(record));
    CHECK(encode_dct(bytes_of(rebuilt)).record == record);
    record[static_cast<size_t>(between(random, 0, static_cast<int>(record.size()) - 1))] ^= 1U << between(random, 0, 7);
    if (round % 5 == 0) record.resize(static_cast<size_t>(between(random, 0, static_cast<int>(record.size()) - 1)));
    record.shrink_to_fit();
    bool thrown = false;
    try {
      rebuild_jpeg(bytes_of(record));
    } catch (const Error&) {
      thrown = true;
    }
    CHECK(thrown);
  }
}

}  // namespace
}  // namespace penstock::testing

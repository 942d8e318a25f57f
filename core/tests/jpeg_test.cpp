#include "engine/jpeg/jpeg.h"

#include <cstring>
#include <string>

#include "engine/error.h"
#include "engine/jpeg/jpeg_segments.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

constexpr std::array<int, 6> kFactors[] = {
    {1, 1, 1, 1, 1, 1}, {2, 1, 1, 1, 1, 1}, {2, 2, 1, 1, 1, 1}, {1, 2, 1, 1, 1, 1}, {4, 1, 1, 1, 1, 1},
    {1, 4, 1, 1, 1, 1}, {4, 2, 1, 1, 1, 1}, {2, 2, 1, 2, 1, 1}, {2, 2, 2, 1, 2, 1}, {1, 1, 2, 2, 1, 1},
    {1, 2, 1, 2, 1, 2}, {1, 1, 0, 0, 0, 0}, {2, 2, 0, 0, 0, 0}, {4, 1, 0, 0, 0, 0},
};

JpegKind random_kind(Random& random) {
  JpegKind kind{kFactors[between(random, 0, std::size(kFactors) - 1)]};
  kind.progressive = between(random, 0, 2) == 0;
  kind.restart_interval = between(random, 0, 3) == 0 ? between(random, 1, 5) : 0;
  kind.quality = between(random, 5, 100);
  return kind;
}

bool equals_cut(const Planes& region, const std::vector<uint8_t>& whole, Size size, Rect rect) {
  const ptrdiff_t plane_bytes = static_cast<ptrdiff_t>(size.height) * size.width;
  const uint8_t* const first = whole.data() + static_cast<ptrdiff_t>(rect.y) * size.width + rect.x;
  const Planes expected{{first, first + plane_bytes, first + 2 * plane_bytes}, {rect.height, rect.width}, size.width};
  return gather(region) == gather(expected);
}

std::vector<uint8_t> decode_whole(JpegDecoder& decoder, Size size) {
  return gather(decoder.decode({0, 0, size.width, size.height}));
}

TEST(regions_equal_cutting_the_whole_for_any_sampling_factors) {
  Random random(1);
  JpegDecoder decoder;
  for (int round = 0; round < 300; ++round) {
    const Size size{between(random, 1, 90), between(random, 1, 90)};
    const std::vector<uint8_t> data = make_jpeg(random, size, random_kind(random));
    CHECK(decoder.open(bytes_of(data)) == size);
    const std::vector<uint8_t> whole = decode_whole(decoder, size);
    for (int i = 0; i < 5; ++i) {
      const Rect rect = random_rect(random, size);
      decoder.open(bytes_of(data));
      CHECK(equals_cut(decoder.decode(rect), whole, size, rect));
    }
  }
}

// Whatever the bytes are, the decoder gives pixels or throws Error, and works on afterwards.
TEST(damaged_bytes_do_no_harm) {
  Random random(2);
  JpegDecoder decoder;
  int decoded = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const Size size{between(random, 1, 60), between(random, 1, 60)};
    std::vector<uint8_t> data = make_jpeg(random, size, random_kind(random));
    const int reach = between(random, 0, 1) == 0 ? static_cast<int>(data.size()) : 700;
    for (int flips = between(random, 1, 8); flips > 0; --flips) {
      data[static_cast<size_t>(between(random, 0, reach - 1)) % data.size()] = static_cast<uint8_t>(random());
    }
    if (round % 5 == 0) data.resize(static_cast<size_t>(between(random, 0, static_cast<int>(data.size()))));
    data.shrink_to_fit();
    try {
      const std::optional<Size> found = decoder.open(bytes_of(data));
      if (!found || int64_t{found->height} * found->width > 1000000) continue;
      const Planes planes = decoder.decode(random_rect(random, *found));
      CHECK(planes.size.height > 0);
      decoder.open(bytes_of(data));
      decoder.check();
      ++decoded;
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::kDecode || error.fault() == Fault::kTruncated);
      ++refused;
    }
  }
  CHECK(decoded > 300);
  CHECK(refused > 300);
}

TEST(decoder_recovers_from_any_point_of_failure) {
  Random random(3);
  const Size size{40, 50};
  const std::vector<uint8_t> good = make_jpeg(random, size, {kFactors[2]});
  JpegDecoder decoder;
  decoder.open(bytes_of(good));
  const std::vector<uint8_t> whole = decode_whole(decoder, size);
  for (size_t cut = 0; cut < good.size(); cut += 7) {
    const std::vector<uint8_t> truncated(good.begin(), good.begin() + static_cast<ptrdiff_t>(cut));
    try {
      if (decoder.open(bytes_of(truncated))) decoder.decode({10, 10, 10, 10});
    } catch (const Error&) {
      // expected; what counts is that the next file decodes
    }
    decoder.open(bytes_of(good));
    CHECK(equals_cut(decoder.decode({0, 0, size.width, size.height}), whole, size, {0, 0, size.width, size.height}));
  }
}

TEST(tables_do_not_stay_from_file_to_file) {
  Random random(6);
  const std::vector<uint8_t> good = make_jpeg(random, {30, 40}, {kFactors[0]});
  std::vector<uint8_t> data = good;
  for (size_t at = 2; at + 1 < data.size(); ++at) {
    if (data[at] == 0xFF && data[at + 1] == kDqt) data[at + 1] = kCom;
  }
  for (const JpegBackend backend : {JpegBackend::kFastest, JpegBackend::kLibjpeg}) {
    JpegDecoder decoder(backend);
    decoder.open(bytes_of(good));
    decoder.decode({0, 0, 40, 30});
    decoder.open(bytes_of(data));
    CHECK_THROWS(Fault::kDecode, decoder.decode({0, 0, 40, 30}));
  }
}

TEST(bytes_that_change_meanwhile_are_noticed) {
  Random random(5);
  const Size size{30, 40};
  std::vector<uint8_t> data = make_jpeg(random, size, {kFactors[0]});
  data.resize(data.size() - 2);  // without an end it is read twice
  JpegDecoder decoder;
  CHECK(decoder.open(bytes_of(data)) == size);
  for (size_t at = 2; at + 8 < data.size(); ++at) {
    if (data[at] != 0xFF || data[at + 1] != kSof0) continue;
    data[at + 8] = 25;  // the low byte of the width
    break;
  }
  CHECK_THROWS(Fault::kDecode, decoder.decode({0, 0, 10, 10}));
}

TEST(sampling_has_its_usual_name) {
  const char* const names[] = {"4:4:4",       "4:2:2", "4:2:0",       "4:4:0", "4:1:1", "1x4,1x1,1x1", "4:1:0",
                               "2x2,1x2,1x1", "4:4:0", "1x1,2x2,1x1", "4:4:4", "grey",  "grey",        "grey"};
  Random random(4);
  JpegDecoder decoder;
  for (size_t i = 0; i < std::size(kFactors); ++i) {
    const std::vector<uint8_t> data = make_jpeg(random, {20, 20}, {kFactors[i]});
    decoder.open(bytes_of(data));
    CHECK(decoder.sampling() == names[i]);
  }
}

TEST(segments_stay_inside_the_data) {
  const std::vector<uint8_t> data = {0xFF, 0xD8, 0xFF, 0xFF, 0xDB, 0x00, 0x04, 0x01,
                                     0x02, 0x33, 0xFF, 0x00, 0xFF, 0xD3, 0xFF, 0xD9};
  JpegSegments segments(bytes_of(data), 2);
  CHECK(segments.next_marker() == kDqt);
  const std::optional<Bytes> payload = segments.next_segment();
  CHECK(payload && payload->size == 2 && payload->data == data.data() + 7);
  CHECK(segments.marker_after_scan() == kEoi);
  CHECK(segments.marker_after_scan() == kNoMarker);
  CHECK_THROWS(Fault::kTruncated, segments.next_marker());
  JpegSegments short_of_length({data.data(), 6}, 5);
  CHECK_THROWS(Fault::kTruncated, short_of_length.next_segment());
  JpegSegments short_of_payload({data.data(), 8}, 5);
  CHECK_THROWS(Fault::kTruncated, short_of_payload.next_segment());
}

}  // namespace
}  // namespace penstock::testing

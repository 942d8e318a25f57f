#include <cstring>
#include <numeric>
#include <string>

#include "engine/error.h"
#include "engine/jpeg/baseline_decoder.h"
#include "engine/jpeg/jpeg.h"
#include "engine/jpeg/jpeg_header.h"
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

JpegKind plain_kind(Random& random) {
  JpegKind kind{kFactors[between(random, 0, std::size(kFactors) - 1)]};
  kind.quality = between(random, 1, 100);
  kind.optimised = between(random, 0, 1) == 0;
  return kind;
}

Rect whole_of(Size size) { return {0, 0, size.width, size.height}; }

bool equal(const Planes& a, const Planes& b) {
  if (a.size != b.size) return false;
  for (size_t c = 0; c < 3; ++c) {
    for (int y = 0; y < a.size.height; ++y) {
      const size_t width = static_cast<size_t>(a.size.width);
      if (std::memcmp(a.data[c] + y * a.stride, b.data[c] + y * b.stride, width) != 0) return false;
    }
  }
  return true;
}

// Runs `body` once with each instruction set that this machine has.
template <typename Body>
void with_every_level(Body body) {
  const std::vector<std::string> levels = simd_levels();
  for (const std::string& level : levels) {
    set_simd_level(level);
    body();
  }
}

// What a decoder makes of bytes, as far as callers can tell. The planes are the decoder's.
struct Outcome {
  std::optional<Fault> fault;
  std::string message;
  std::optional<Planes> planes;
};

Outcome outcome_of(JpegDecoder& decoder, Bytes data, Rect region) {
  try {
    if (!decoder.open(data)) return {};
    return {std::nullopt, "", decoder.decode(region)};
  } catch (const Error& error) {
    return {error.fault(), error.what(), std::nullopt};
  }
}

bool same_outcome(const Outcome& a, const Outcome& b) {
  if (a.fault != b.fault || a.message != b.message || a.planes.has_value() != b.planes.has_value()) return false;
  return !a.planes || equal(*a.planes, *b.planes);
}

TEST(plain_files_are_decoded_as_libjpeg_does_at_every_level) {
  Random random(21);
  BaselineDecoder baseline;
  JpegDecoder libjpeg(JpegBackend::kLibjpeg);
  int declined = 0;
  for (int round = 0; round < 400; ++round) {
    const Size size{between(random, 1, 70), between(random, 1, 70)};
    const std::vector<uint8_t> data = make_jpeg(random, size, plain_kind(random));
    const Rect region = round % 4 == 0 ? whole_of(size) : random_rect(random, size);
    libjpeg.open(bytes_of(data));
    const Planes expected = libjpeg.decode(region);
    with_every_level([&] {
      CHECK(baseline.open(bytes_of(data)));
      const std::optional<Planes> planes = baseline.decode(bytes_of(data), region);
      if (!planes) ++declined;
      CHECK(!planes || equal(*planes, expected));
    });
  }
  // Noise at a low quality has blocks on which libjpeg's implementations disagree.
  CHECK(declined < 400);
}

TEST(smooth_files_are_never_declined) {
  Random random(22);
  BaselineDecoder baseline;
  for (int round = 0; round < 100; ++round) {
    const Size size{between(random, 1, 70), between(random, 1, 70)};
    JpegKind kind = plain_kind(random);
    kind.quality = std::max(kind.quality, 50);
    kind.amplitude = 60;
    const std::vector<uint8_t> data = make_jpeg(random, size, kind);
    CHECK(baseline.open(bytes_of(data)));
    CHECK(baseline.decode(bytes_of(data), random_rect(random, size)).has_value());
  }
}

// Any byte, in every way that matters to a decoder.
TEST(damage_anywhere_is_judged_as_by_libjpeg) {
  Random random(23);
  JpegDecoder fastest, libjpeg(JpegBackend::kLibjpeg);
  int decoded = 0, refused = 0;
  for (const auto& factors : {kFactors[0], kFactors[2], kFactors[11]}) {
    const Size size{37, 41};
    JpegKind kind{factors};
    kind.optimised = true;
    kind.quality = 30;
    const std::vector<uint8_t> good = make_jpeg(random, size, kind);
    for (size_t at = 2; at < good.size(); ++at) {
      for (const int value : {0x00, 0xFF, 0xD9, 0xD0, good[at] ^ 1, good[at] ^ 0x80, between(random, 0, 255)}) {
        std::vector<uint8_t> data = good;
        data[at] = static_cast<uint8_t>(value);
        data.shrink_to_fit();
        std::optional<Size> found;
        try {
          found = read_jpeg_header(bytes_of(data));
        } catch (const Error&) {
          found = Size{1, 1};
        }
        if (!found || int64_t{found->height} * found->width > 100000) continue;
        const Rect region = random_rect(random, *found);
        const Outcome expected = outcome_of(libjpeg, bytes_of(data), region);
        CHECK(same_outcome(outcome_of(fastest, bytes_of(data), region), expected));
        ++(expected.planes ? decoded : refused);
      }
    }
  }
  CHECK(decoded > 1000);
  CHECK(refused > 1000);
}

TEST(truncation_at_every_byte_is_judged_as_by_libjpeg) {
  Random random(24);
  JpegDecoder fastest, libjpeg(JpegBackend::kLibjpeg);
  for (const auto& factors : {kFactors[0], kFactors[2], kFactors[11]}) {
    const Size size{37, 41};
    const std::vector<uint8_t> good = make_jpeg(random, size, JpegKind{factors});
    for (size_t bytes = 0; bytes <= good.size(); ++bytes) {
      for (const bool ended : {false, true}) {
        std::vector<uint8_t> data(good.begin(), good.begin() + static_cast<ptrdiff_t>(bytes));
        if (ended) data.insert(data.end(), {0xFF, kEoi});
        data.shrink_to_fit();
        const Rect region = random_rect(random, size);
        const Outcome expected = outcome_of(libjpeg, bytes_of(data), region);
        CHECK(same_outcome(outcome_of(fastest, bytes_of(data), region), expected));
      }
    }
  }
}

TEST(random_damage_is_judged_as_by_libjpeg) {
  Random random(25);
  JpegDecoder fastest, libjpeg(JpegBackend::kLibjpeg);
  for (int round = 0; round < 4000; ++round) {
    const Size size{between(random, 1, 60), between(random, 1, 60)};
    JpegKind kind = plain_kind(random);
    if (round % 8 == 0) kind.restart_interval = between(random, 1, 5);
    std::vector<uint8_t> data = make_jpeg(random, size, kind);
    for (int flips = between(random, 1, 4); flips > 0; --flips) {
      data[static_cast<size_t>(between(random, 2, static_cast<int>(data.size()) - 1))] = static_cast<uint8_t>(random());
    }
    data.shrink_to_fit();
    std::optional<Size> found;
    try {
      found = read_jpeg_header(bytes_of(data));
    } catch (const Error&) {
      continue;
    }
    if (!found || int64_t{found->height} * found->width > 100000) continue;
    const Rect region = random_rect(random, *found);
    const Outcome expected = outcome_of(libjpeg, bytes_of(data), region);
    CHECK(same_outcome(outcome_of(fastest, bytes_of(data), region), expected));
  }
}

size_t find_marker(const std::vector<uint8_t>& data, uint8_t marker) {
  for (size_t at = 2; data[at + 1] != kSos; at += 2 + (size_t{data[at + 2]} << 8 | data[at + 3])) {
    if (data[at + 1] == marker) return at;
  }
  return 0;
}

// A grey image of 8x8 whose one block has the given bits, coded with `ac` and one DC code word: 0, no difference.
std::vector<uint8_t> one_block(const HuffmanCode& ac, std::string bits) {
  std::vector<uint8_t> data = {0xFF, 0xD8, 0xFF, kDqt, 0, 67, 0};
  data.insert(data.end(), 64, 1);
  data.insert(data.end(), {0xFF, kSof0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0});
  data.insert(data.end(), {0xFF, kDht, 0, 20, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  data.insert(data.end(), {0xFF, kDht, 0, static_cast<uint8_t>(19 + ac.symbol_count), 0x10});
  data.insert(data.end(), ac.counts.begin(), ac.counts.end());
  data.insert(data.end(), ac.symbols.begin(), ac.symbols.begin() + ac.symbol_count);
  data.insert(data.end(), {0xFF, kSos, 0, 8, 1, 1, 0, 0, 63, 0});
  while (bits.size() % 8 != 0) bits += '1';
  for (size_t at = 0; at < bits.size(); at += 8) {
    data.push_back(static_cast<uint8_t>(std::stoi(bits.substr(at, 8), nullptr, 2)));
    if (data.back() == 0xFF) data.push_back(0);
  }
  data.insert(data.end(), {0xFF, kEoi});
  return data;
}

std::string repeated(const std::string& bits, int times) {
  std::string all;
  for (; times > 0; --times) all += bits;
  return all;
}

TEST(blocks_end_where_they_have_to) {
  HuffmanCode ac;  // 00: end of block, 01: a coefficient of one bit, 100: 16 zeros, 101: two zeros and a coefficient
  ac.counts = {0, 2, 2};
  ac.symbols = {0x00, 0x01, 0xF0, 0x21};
  ac.symbol_count = 4;
  const std::string one = "011", zeros = "100", far = "1011", end = "00";
  struct Case {
    std::string bits;
    bool plain;
  };
  const Case cases[] = {
      {repeated(one, 63), true},                        // no end of block after the last coefficient
      {repeated(one, 62) + end, true},                  //
      {repeated(zeros, 3) + repeated(one, 15), true},   //
      {repeated(zeros, 3) + repeated(far, 5), true},    //
      {end, true},                                      //
      {repeated(one, 61) + far, false},                 // beyond the block
      {repeated(zeros, 4), false},                      //
      {repeated(one, 62), false},                       // the padding is no code word
      {repeated(one, 40) + "1111111111111111", false},  // no code word
      {repeated(one, 5) + "110", false},                //
  };
  BaselineDecoder baseline;
  JpegDecoder fastest, libjpeg(JpegBackend::kLibjpeg);
  with_every_level([&] {
    for (const Case& each : cases) {
      // Decoded, and stepped over: the region is in the second or the first row of blocks of the taller image.
      for (const int height : {8, 24}) {
        std::vector<uint8_t> data = one_block(ac, repeated("0" + each.bits, height / 8));
        data[find_marker(data, kSof0) + 6] = static_cast<uint8_t>(height);
        const Rect region{0, height - 8, 8, 8};
        CHECK(baseline.open(bytes_of(data)));
        CHECK(baseline.decode(bytes_of(data), region).has_value() == each.plain);
        CHECK(same_outcome(outcome_of(fastest, bytes_of(data), region), outcome_of(libjpeg, bytes_of(data), region)));
      }
    }
  });
}

std::vector<uint8_t> with_byte(std::vector<uint8_t> data, uint8_t marker, size_t offset, int value) {
  data[find_marker(data, marker) + offset] = static_cast<uint8_t>(value);
  return data;
}

TEST(headers_that_are_not_plain_are_left_to_libjpeg) {
  Random random(26);
  const std::vector<uint8_t> good = make_jpeg(random, {20, 20}, {kFactors[0]});
  JpegKind restarts{kFactors[0]}, progressive{kFactors[0]};
  restarts.restart_interval = 2;
  progressive.progressive = true;
  BaselineDecoder baseline;
  CHECK(baseline.open(bytes_of(good)));
  const std::vector<uint8_t> others[] = {
      make_jpeg(random, {20, 20}, restarts),
      make_jpeg(random, {20, 20}, progressive),
      make_jpeg(random, {20, 20}, {{3, 1, 1, 1, 1, 1}}),
      with_byte(good, kDqt, 4, 0x10),    // quantisers of 16 bits, or so it says
      with_byte(good, kDqt, 4, 0x04),    // a table of an impossible number
      with_byte(good, kDqt, 9, 0),       // a quantiser of 0
      with_byte(good, kDht, 4, 0x44),    //
      with_byte(good, kDht, 5, 255),     // more code words than there is room for
      with_byte(good, kSof0, 10, 2),     // two components with one identifier
      with_byte(good, kSof0, 12, 3),     // a quantisation table that is not there
      with_byte(good, kSof0, 11, 0x44),  // too many blocks in an MCU
  };
  for (const std::vector<uint8_t>& data : others) CHECK(!baseline.open(bytes_of(data)));
}

TEST(codes_that_are_not_plain_are_refused) {
  HuffmanTable table;
  const auto code_of = [](std::array<uint8_t, 16> counts, uint8_t symbol) {
    HuffmanCode code{counts, {}, std::accumulate(counts.begin(), counts.end(), 0)};
    code.symbols.fill(symbol);
    return code;
  };
  CHECK(table.build(code_of({1, 1}, 0x11), SymbolKind::kAc));
  CHECK(!table.build(code_of({2}, 0x11), SymbolKind::kAc));     // a code word of ones only
  CHECK(!table.build(code_of({1, 2}, 0x11), SymbolKind::kAc));  //
  CHECK(!table.build(code_of({1, 3}, 0x11), SymbolKind::kAc));  // more than there are
  CHECK(!table.build(code_of({1}, 0x0B), SymbolKind::kAc));     // values of 11 bits
  CHECK(!table.build(code_of({1}, 0x10), SymbolKind::kAc));     // as in progressive files
  CHECK(table.build(code_of({1}, 11), SymbolKind::kDc));
  CHECK(!table.build(code_of({1}, 12), SymbolKind::kDc));
}

TEST(long_code_words_are_found) {
  HuffmanTable table;
  HuffmanCode code;
  code.counts.fill(1);
  code.symbol_count = 16;
  for (int i = 0; i < 16; ++i) code.symbols[static_cast<size_t>(i)] = static_cast<uint8_t>(i << 4 | 1);
  CHECK(table.build(code, SymbolKind::kAc));
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    int ones = 0;
    while (ones < 16 && (bits >> (15 - ones) & 1) != 0) ++ones;
    const uint32_t entry = table.find(bits);
    CHECK(HuffmanEntry::run(entry) == (ones == 16 ? HuffmanEntry::kNotHere : ones));
    const uint32_t looked_up = table.entries()[bits >> (16 - HuffmanTable::kLookupBits)];
    CHECK(ones < HuffmanTable::kLookupBits ? looked_up == entry
                                           : HuffmanEntry::run(looked_up) == HuffmanEntry::kNotHere);
  }
}

}  // namespace
}  // namespace penstock::testing

// What a packed image costs, stage by stage, in one thread: RandomResizedCrop(224) + flip, or the whole image at
// 224x224.
//
//   stages crop|whole LEVEL[,LEVEL ...] ROUNDS < records
//
// Each line of `records` is "dct" or "encoded", a record's offset and length in bytes, and its file's path. For every
// round and level a line of JSON is printed: seconds and bytes in all, and of each stage; for encoded records only at
// the first level. All draw the same crops. A round named "warm-up" comes first.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "engine/checksum/crc32c.h"
#include "engine/error.h"
#include "engine/execute.h"
#include "engine/program.h"
#include "engine/reader.h"
#include "engine/simd.h"
#include "staged_source.h"

namespace penstock {
namespace {

constexpr double kSide = 224;
constexpr size_t kBatch = 64;  // results go round so many slots, as in a loader's batch

Program program_of(bool whole, bool normalized) {
  std::vector<Op> ops;
  if (whole) {
    ops = {{OpKind::kResize, {kSide, kSide}}};
  } else {
    ops = {{OpKind::kRandomResizedCrop, {kSide, kSide, 0.08, 1.0, 3.0 / 4, 4.0 / 3}},
           {OpKind::kRandomHorizontalFlip, {0.5}}};
  }
  if (normalized) {
    ops.push_back({OpKind::kToDtype, {static_cast<double>(Dtype::kFloat32), 1}});
    ops.push_back({OpKind::kNormalize, {0.485, 0.456, 0.406, 0.229, 0.224, 0.225}});
  }
  return Program(ops);
}

// One way of making results, into a batch that is used again and again.
class Bench {
 public:
  Bench(bool whole, bool normalized)
      : program_(program_of(whole, normalized)),
        slot_bytes_(static_cast<size_t>(3 * kSide * kSide) * program_.item_bytes()),
        batch_(kBatch * slot_bytes_),
        row_(program_.columns().size()) {}

  // Draws for sample `index` of an image of `size`, and makes its result; seconds for both.
  double run(size_t index, Size size, PlaneSource& source) {
    const double start = now();
    draw(index, size);
    executor_.run({{&program_, row_.data(), slot(index)}}, size, source);
    return now() - start;
  }

  // The same for an image file; nullopt for one that libjpeg does not read.
  double run_jpeg(size_t index, Bytes file) {
    const double start = now();
    const std::optional<Size> size = executor_.open_jpeg(file);
    if (!size) return 0;
    draw(index, *size);
    executor_.run_jpeg(program_, row_.data(), slot(index));
    return now() - start;
  }

 private:
  void draw(size_t index, Size size) {
    SampleKey key;
    key.index = static_cast<int64_t>(index);
    program_.draw(key, size, row_.data());
  }
  uint8_t* slot(size_t index) { return batch_.data() + index % kBatch * slot_bytes_; }

  Program program_;
  size_t slot_bytes_;
  std::vector<uint8_t> batch_;
  std::vector<double> row_;
  Executor executor_;
};

class DctBench {
 public:
  explicit DctBench(bool whole) : staged_(whole, false), uint8_(whole, false), float32_(whole, true) {}

  void pass(const std::vector<Place>& places, const std::string& level) {
    const StageTimes before = staged_source_.times();
    const double inside_before = staged_source_.seconds_in_read();
    double staged_seconds = 0, uint8_seconds = 0, float32_seconds = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      const Size size = staged_source_.open(places[i]);
      staged_seconds += staged_.run(i, size, staged_source_);
      uint8_seconds += fused(uint8_, i, places[i]);
      float32_seconds += fused(float32_, i, places[i]);
    }
    const StageTimes& after = staged_source_.times();
    const double expand = after.expand - before.expand;
    const double inverse = after.expand_inverse - before.expand_inverse;
    const double colour = after.expand_inverse_colour - before.expand_inverse_colour;
    std::printf(
        "{\"codec\": \"dct\", \"level\": \"%s\", \"images\": %zu, \"bytes\": %lld, \"blocks\": %lld, \"stages\": "
        "{\"read\": %.9f, \"head\": %.9f, \"checksum\": %.9f, \"expand\": %.9f, \"inverse DCT\": %.9f, \"upsample, "
        "colour\": %.9f, \"draw, resize, write uint8\": %.9f, \"convert to float32, more than uint8\": %.9f}, "
        "\"uint8\": %.9f, \"float32\": %.9f}\n",
        level.c_str(), places.size(), static_cast<long long>(after.bytes - before.bytes),
        static_cast<long long>(after.blocks - before.blocks), after.read - before.read, after.head - before.head,
        after.checksum - before.checksum, expand, inverse - expand, colour - inverse,
        staged_seconds - (staged_source_.seconds_in_read() - inside_before), float32_seconds - uint8_seconds,
        uint8_seconds, float32_seconds);
  }

 private:
  // Seconds from opening a record to its result.
  double fused(Bench& bench, size_t index, const Place& place) {
    const double start = now();
    const Size size = fused_source_.open(place);
    const double opened = now();
    return opened - start + bench.run(index, size, fused_source_);
  }

  Bench staged_, uint8_, float32_;
  StagedSource staged_source_;
  FusedSource fused_source_;
};

class EncodedBench {
 public:
  explicit EncodedBench(bool whole) : bench_(whole, false) {}

  void pass(const std::vector<Place>& places, const std::string& level) {
    double read = 0, checksum = 0, decode = 0;
    long long bytes = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      const double start = now();
      const Bytes file = reader_.read(places[i].path, places[i].offset, places[i].length, buffer_);
      const double loaded = now();
      sum_ += crc32c(file);
      checksum += now() - loaded;
      read += loaded - start;
      decode += bench_.run_jpeg(i, file);
      bytes += static_cast<long long>(file.size);
    }
    std::printf(
        "{\"codec\": \"encoded\", \"level\": \"%s\", \"images\": %zu, \"bytes\": %lld, \"stages\": {\"read\": %.9f, "
        "\"checksum\": %.9f, \"decode, draw, resize, write uint8\": %.9f}, \"uint8\": %.9f}\n",
        level.c_str(), places.size(), bytes, read, checksum, decode, read + checksum + decode);
  }

 private:
  Bench bench_;
  Reader reader_;
  ReadBuffer buffer_;
  volatile uint32_t sum_ = 0;  // keeps the checksum from being left out
};

// Bytes that one thread copies per second, from memory that no cache holds.
double copy_rate() {
  constexpr size_t kBytes = size_t{256} << 20;
  std::vector<uint8_t> from(kBytes, 1), to(kBytes, 2);
  double best = 0;
  for (int k = 0; k < 5; ++k) {
    const double start = now();
    std::memcpy(to.data(), from.data(), kBytes);
    best = std::max(best, kBytes / (now() - start));
    from[0] = to[k];
  }
  return best;
}

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> parts;
  std::istringstream stream(names);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

int run(bool whole, const std::vector<std::string>& levels, int rounds) {
  std::vector<Place> dct, encoded;
  std::string codec;
  for (Place place;
       std::cin >> codec >> place.offset >> place.length && std::getline(std::cin >> std::ws, place.path);) {
    (codec == "dct" ? dct : encoded).push_back(place);
  }
  DctBench dct_bench(whole);
  EncodedBench encoded_bench(whole);
  for (int round = -1; round < rounds; ++round) {
    for (const std::string& level : levels) {
      set_simd_level(level);
      const std::string name = round < 0 ? "warm-up" : level;
      if (!dct.empty()) dct_bench.pass(dct, name);
      if (!encoded.empty() && level == levels.front()) encoded_bench.pass(encoded, name);
      std::fflush(stdout);
    }
  }
  std::printf("{\"codec\": \"none\", \"copied_bytes_per_second\": %.0f}\n", copy_rate());
  return 0;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  const std::string what = argc == 4 ? argv[1] : "";
  if ((what != "crop" && what != "whole") || std::atoi(argv[3]) < 1) {
    std::fprintf(stderr, "usage: stages crop|whole LEVEL[,LEVEL ...] ROUNDS < records\n");
    return 2;
  }
  try {
    return penstock::run(what == "whole", penstock::split(argv[2]), std::atoi(argv[3]));
  } catch (const penstock::Error& error) {
    std::fprintf(stderr, "stages: %s\n", error.what());
    return 1;
  }
}

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "engine/checksum/crc32c.h"
#include "engine/dct/encoder.h"
#include "engine/dct/source.h"
#include "engine/error.h"
#include "engine/jpeg/jpeg.h"
#include "engine/simd.h"
#include "engine/worker.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

constexpr JpegKind kKinds[] = {{{1, 1, 1, 1, 1, 1}},
                               {{2, 1, 1, 1, 1, 1}},
                               {{2, 2, 1, 1, 1, 1}},
                               {{1, 2, 1, 1, 1, 1}},
                               {{4, 1, 1, 1, 1, 1}},
                               {{2, 2, 1, 2, 2, 1}},
                               {{1, 1}}};

// At the end of a buffer of just its size, so that a sanitizer sees any byte that is read beyond.
std::vector<uint8_t> encoded(const std::vector<uint8_t>& jpeg) {
  std::vector<uint8_t> record = encode_dct(bytes_of(jpeg)).record;
  record.shrink_to_fit();
  return record;
}

std::vector<uint8_t> pixels_of_record(const std::vector<uint8_t>& record, Rect region) {
  RecordInMemory bytes(bytes_of(record));
  DctSource source;
  source.open(bytes, static_cast<int64_t>(record.size()), true);
  return gather(source.read(region));
}

TEST(dct_pixels_are_those_of_the_jpeg_at_every_level) {
  Random random(1);
  for (int i = 0; i < 60; ++i) {
    const JpegKind& kind = kKinds[static_cast<size_t>(i) % std::size(kKinds)];
    const Size size{between(random, 1, 70), between(random, 1, 70)};
    const std::vector<uint8_t> jpeg = make_jpeg(random, size, kind);
    const std::vector<uint8_t> record = encoded(jpeg);
    CHECK(!record.empty());
    const Rect region = random_rect(random, size);
    JpegDecoder decoder;
    decoder.open(bytes_of(jpeg));
    const std::vector<uint8_t> expected = gather(decoder.decode(region));
    for (const std::string& level : simd_levels()) {
      set_simd_level(level);
      CHECK(pixels_of_record(record, region) == expected);
    }
  }
}

// Records one after the other in a file of its own, as in a shard.
class RecordFile {
 public:
  RecordFile() {
    char path[] = "/tmp/penstock-dct-test-XXXXXX";
    file_ = fdopen(mkstemp(path), "wb");
    batch.paths.push_back(path);
  }
  ~RecordFile() { std::remove(batch.paths[0].c_str()); }

  void add(const std::vector<uint8_t>& record) {
    Sample sample;
    sample.codec = Codec::kDct;
    sample.file = 0;
    sample.offset = end_;
    sample.length = static_cast<int64_t>(record.size());
    sample.crc32c = crc32c(bytes_of(record), 0);
    batch.indices.push_back(static_cast<int64_t>(batch.samples.size()));
    batch.draws.push_back(0);
    batch.samples.push_back(sample);
    end_ += static_cast<int64_t>(std::fwrite(record.data(), 1, record.size(), file_));
  }

  void close() { std::fclose(file_); }

  Batch batch;

 private:
  std::FILE* file_;
  int64_t end_ = 0;
};

TEST(workers_allocate_nothing_once_they_have_seen_their_samples) {
  Random random(2);
  RecordFile file;
  for (const JpegKind& kind : kKinds) file.add(encoded(make_jpeg(random, {90, 120}, kind)));
  file.close();
  const Program program({{OpKind::kRandomResizedCrop, {32, 32, 0.08, 1, 0.75, 1.33}},
                         {OpKind::kRandomHorizontalFlip, {0.5}},
                         {OpKind::kToDtype, {1, 1}}});
  const Program small({{OpKind::kRandomResizedCrop, {4, 4, 0.01, 0.1, 0.75, 1.33}}});
  WorkerContext context({program, small, program, small}, nullptr);
  size_t bytes = 0;
  for (const View& view : context.views) bytes += view.slot_bytes * file.batch.samples.size();
  std::vector<uint8_t> out(bytes);
  uint8_t* next = out.data();
  for (const View& view : context.views) {
    file.batch.outs.push_back(next);
    next += view.slot_bytes * file.batch.samples.size();
  }
  Meter meter;
  Worker worker(context, meter);
  const auto run_all = [&] {
    for (size_t row = 0; row < file.batch.samples.size(); ++row) worker.run(file.batch, row);
  };
  run_all();
  const std::vector<uint8_t> first = out;
  const long before = allocations();
  run_all();
  CHECK(allocations() == before);
  CHECK(out == first);
}

TEST(joined_checksums_are_those_of_joined_bytes) {
  Random random(4);
  for (const int bytes : {0, 1, 3, 64, 1000, 70000, 200000}) {
    std::vector<uint8_t> data(static_cast<size_t>(bytes) + 100);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(between(random, 0, 255));
    const Bytes first{data.data(), 100}, second{data.data() + 100, static_cast<size_t>(bytes)};
    CHECK(crc32c_joined(crc32c(first), crc32c(second), second.size) == crc32c(bytes_of(data)));
  }
}

TEST(a_record_in_the_place_of_another_is_refused) {
  Random random(5);
  RecordFile file;
  for (int i = 0; i < 2; ++i) file.add(encoded(make_jpeg(random, {20, 30}, kKinds[0])));
  file.close();
  WorkerContext context({Program({{OpKind::kResize, {8, 8}}})}, nullptr);
  std::vector<uint8_t> out(2 * context.views[0].slot_bytes);
  file.batch.outs = {out.data()};
  Meter meter;
  Worker worker(context, meter);
  worker.run(file.batch, 0);
  std::swap(file.batch.samples[0].crc32c, file.batch.samples[1].crc32c);
  CHECK_THROWS(Fault::kChecksum, worker.run(file.batch, 0));
}

TEST(a_record_that_is_not_of_the_size_in_the_index_is_refused) {
  Random random(3);
  RecordFile file;
  file.add(encoded(make_jpeg(random, {20, 30}, kKinds[0])));
  file.close();
  file.batch.samples[0].size = {30, 20};
  WorkerContext context({Program({{OpKind::kResize, {8, 8}}})}, nullptr);
  std::vector<uint8_t> out(context.views[0].slot_bytes);
  file.batch.outs = {out.data()};
  Meter meter;
  Worker worker(context, meter);
  CHECK_THROWS(Fault::kDecode, worker.run(file.batch, 0));
}

}  // namespace
}  // namespace penstock::testing

#include "engine/meter.h"

#include <atomic>
#include <thread>

#include "tests/check.h"

namespace penstock::testing {
namespace {

TEST(a_meter_books_each_sample_where_it_got_to) {
  Meter meter;
  meter.begin(1, 2, 3);
  meter.add_bytes(Work::kRead, 10);
  const MeterReading amid = meter.read();
  CHECK(amid.sample && amid.sample->ticket == 1 && amid.sample->row == 2 && amid.sample->index == 3);
  CHECK(amid.sample->work == Work::kRead);
  meter.enter(Work::kDecode);
  meter.enter(Work::kAugment);
  meter.enter(Work::kDecode);
  CHECK(meter.read().sample->work == Work::kDecode);
  meter.fail();
  meter.begin(1, 3, 4);
  meter.enter(Work::kDecode);
  meter.enter(Work::kAugment);
  meter.finish();
  const MeterReading reading = meter.read();
  CHECK(!reading.sample);
  CHECK(reading.work[0].images == 2 && reading.work[1].images == 1 && reading.work[2].images == 1);
  CHECK(reading.work[0].errors == 0 && reading.work[1].errors == 1 && reading.work[2].errors == 0);
  CHECK(reading.work[0].bytes == 10 && reading.work[1].bytes == 0);
}

TEST(a_meter_that_has_ended_stands_still) {
  Meter meter;
  meter.begin(1, 1, 1);
  meter.finish();
  meter.end();
  const MeterReading before = meter.read();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const MeterReading after = meter.read();
  CHECK(before.idle_nanoseconds == after.idle_nanoseconds);
  CHECK(before.work[0].nanoseconds == after.work[0].nanoseconds);
}

TEST(what_is_read_amid_changes_belongs_together) {
  Meter meter;
  std::atomic<bool> done{false};
  std::thread worker([&] {
    for (int64_t sample = 0; sample < 20'000; ++sample) {
      meter.begin(static_cast<uint64_t>(sample), 2 * sample, 3 * sample);
      meter.enter(Work::kDecode);
      meter.enter(Work::kAugment);
      meter.finish();
    }
    done = true;
  });
  int64_t total = 0;
  while (!done) {
    const MeterReading reading = meter.read();
    const int64_t images = reading.work[2].images;
    CHECK(reading.work[0].images == images && reading.work[1].images == images);
    if (reading.sample) {
      CHECK(static_cast<int64_t>(reading.sample->ticket) == images);
      CHECK(reading.sample->row == 2 * images && reading.sample->index == 3 * images);
    }
    int64_t time = reading.idle_nanoseconds;
    for (const WorkTotals& work : reading.work) time += work.nanoseconds;
    CHECK(time >= total);
    total = time;
  }
  worker.join();
}

}  // namespace
}  // namespace penstock::testing

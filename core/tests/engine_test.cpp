#include "engine/engine.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/buffer_pool.h"
#include "engine/error.h"
#include "tests/check.h"
#include "tests/images.h"

// Many threads at once; `make threads` runs these with ThreadSanitizer.
namespace penstock::testing {
namespace {

using std::chrono::milliseconds;

constexpr Size kSize{24, 20};
constexpr milliseconds kLong{60'000};

Program program() {
  return Program(
      {{OpKind::kRandomResizedCrop, {16, 12, 0.2, 1, 0.75, 4.0 / 3}}, {OpKind::kRandomHorizontalFlip, {0.5}}});
}

// Decodes what is no JPEG to grey pixels, or throws for an 'x'.
ForeignImage grey(Bytes data) {
  if (data.data[0] == 'x') throw Error(Fault::kDecode, "no image");
  auto pixels = std::make_shared<std::vector<uint8_t>>(3 * kSize.height * kSize.width, data.data[0]);
  return {{pixels->data(), kSize, ptrdiff_t{3} * kSize.width}, pixels};
}

// Rows of all kinds: a JPEG, raw pixels, something for the fallback, and something that fails.
class Rows {
 public:
  Rows() : jpeg_(make_jpeg(random_, kSize, {{2, 2, 1, 1, 1, 1}})), raw_(noise(random_, kSize)) {
    raw_.resize(3 * static_cast<size_t>(kSize.height) * kSize.width);
  }

  // A batch of `count` rows, each fourth of which fails, and the memory that it writes.
  Batch batch(size_t count, const std::shared_ptr<uint8_t>& out) const {
    Batch batch;
    for (size_t row = 0; row < count; ++row) {
      batch.samples.push_back(sample(row % 4));
      batch.indices.push_back(static_cast<int64_t>(row));
      batch.draws.push_back(0);
    }
    batch.outs = {out.get()};
    batch.loan = out;
    return batch;
  }

 private:
  Sample sample(size_t kind) const {
    static constexpr uint8_t kForeign[] = {'f'}, kBad[] = {'x'};
    Sample sample;
    if (kind == 0) sample.payload = bytes_of(jpeg_);
    if (kind == 1) {
      sample.codec = Codec::kRaw;
      sample.payload = bytes_of(raw_);
      sample.size = kSize;
    }
    if (kind == 2) sample.payload = {kForeign, 1};
    if (kind == 3) sample.payload = {kBad, 1};
    return sample;
  }

  Random random_{1};
  std::vector<uint8_t> jpeg_, raw_;
};

constexpr size_t kBatchRows = 16;
constexpr size_t kSlotBytes = 3 * 16 * 12;

TEST(threads_that_submit_wait_and_look_at_once) {
  const Rows rows;
  BufferPool pool(4);
  Engine engine({program()}, 4, grey);
  constexpr int kDrivers = 3, kRounds = 40;
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::thread onlooker([&] {
    int64_t images = 0;
    while (!done) {
      const Counters counters = engine.counters();
      CHECK(counters.work[0].images >= images);
      images = counters.work[0].images;
      for (const SampleUnderWay& sample : engine.under_way())
        CHECK(sample.row == sample.index && sample.nanoseconds >= 0);
    }
  });
  std::vector<std::thread> drivers;
  for (int k = 0; k < kDrivers; ++k) {
    drivers.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        std::vector<Engine::Ticket> tickets;
        for (int i = 0; i < 3; ++i)
          tickets.push_back(engine.submit(rows.batch(kBatchRows, pool.take(kBatchRows * kSlotBytes))));
        while (!engine.ready(tickets.back())) std::this_thread::yield();
        for (const Engine::Ticket ticket : tickets) {
          failures += static_cast<int>(engine.wait_for(ticket, kLong)->failures.size());
        }
      }
    });
  }
  for (std::thread& driver : drivers) driver.join();
  done = true;
  onlooker.join();
  constexpr int64_t kSamples = kDrivers * kRounds * 3 * kBatchRows;
  const Counters counters = engine.counters();
  CHECK(failures == kSamples / 4);
  CHECK(counters.work[0].images == kSamples);
  CHECK(counters.work[1].errors == kSamples / 4);
  CHECK(counters.work[2].images == kSamples * 3 / 4);
  CHECK(counters.work[2].bytes == static_cast<int64_t>(kSlotBytes) * kSamples * 3 / 4);
  CHECK(counters.queued == 0 && engine.under_way().empty());
}

TEST(results_do_not_depend_on_the_number_of_threads) {
  const Rows rows;
  std::vector<uint8_t> first;
  for (const int threads : {0, 1, 3}) {
    Engine engine({program()}, threads, grey);
    BufferPool pool(1);
    const std::shared_ptr<uint8_t> out = pool.take(kBatchRows * kSlotBytes);
    const Engine::Ticket ticket = engine.submit(rows.batch(kBatchRows, out));
    while (engine.run_next()) continue;
    CHECK(engine.wait_for(ticket, kLong)->failures.size() == kBatchRows / 4);
    const std::vector<uint8_t> result(out.get(), out.get() + kBatchRows * kSlotBytes);
    if (first.empty()) first = result;
    CHECK(result == first);
  }
}

TEST(a_slot_is_written_again_while_other_batches_are_under_way) {
  const Rows rows;
  BufferPool pool(4);
  Engine engine({program()}, 3, grey);
  const std::shared_ptr<uint8_t> out = pool.take(kBatchRows * kSlotBytes);
  const Engine::Ticket first = engine.submit(rows.batch(kBatchRows, out));
  const std::optional<Outcome> outcome = engine.wait_for(first, kLong);
  for (const RowFailure& failure : outcome->failures) {
    const Engine::Ticket other = engine.submit(rows.batch(kBatchRows, pool.take(kBatchRows * kSlotBytes)));
    const std::shared_ptr<uint8_t> slot(out, out.get() + failure.row * kSlotBytes);
    const Engine::Ticket again = engine.submit(rows.batch(1, slot));
    CHECK(engine.wait_for(again, kLong)->failures.empty());
    CHECK(std::memcmp(slot.get(), out.get(), kSlotBytes) == 0);  // row 0 and its key
    engine.wait_for(other, kLong);
  }
}

TEST(engines_close_amid_everything) {
  const Rows rows;
  BufferPool pool(4);
  for (int round = 0; round < 20; ++round) {
    Engine engine({program()}, 3, grey);
    std::atomic<int> closed{0};
    std::vector<std::thread> drivers;
    for (int k = 0; k < 2; ++k) {
      drivers.emplace_back([&] {
        try {
          while (true) {
            const Engine::Ticket ticket = engine.submit(rows.batch(kBatchRows, pool.take(kBatchRows * kSlotBytes)));
            engine.ready(ticket);
            engine.wait_for(ticket, milliseconds(round % 3));
          }
        } catch (const Error& error) {
          if (error.fault() == Fault::kClosed) ++closed;
        }
      });
    }
    std::this_thread::sleep_for(milliseconds(2));
    std::thread closer([&] { engine.close(); });
    engine.close();
    closer.join();
    for (std::thread& driver : drivers) driver.join();
    CHECK(closed == 2);
    const Counters counters = engine.counters();
    CHECK(counters.queued == 0 && counters.nanoseconds == engine.counters().nanoseconds);
    CHECK(engine.under_way().empty());
  }
}

TEST(buffers_come_back_from_any_thread) {
  BufferPool pool(3);
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([&pool, k] {
      std::vector<std::shared_ptr<uint8_t>> held;
      for (int round = 0; round < 300; ++round) {
        held.push_back(pool.take(4096));
        std::memset(held.back().get(), k, 4096);
        if (held.size() < 4) continue;
        for (const auto& buffer : held) CHECK(buffer.get()[0] == k && buffer.get()[4095] == k);
        std::thread([dropped = std::move(held)] {}).join();
        held.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(pool.free() <= 3);
  const std::shared_ptr<uint8_t> outlives = pool.take(10);
  pool.close();
  CHECK(pool.free() == 0);
}

}  // namespace
}  // namespace penstock::testing

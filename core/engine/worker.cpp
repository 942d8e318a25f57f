#include "engine/worker.h"

#include <cstring>
#include <optional>
#include <string>

#include "engine/error.h"

namespace penstock {
namespace {

Pixels raw_pixels(Bytes data, Size size) {
  const std::string shape = std::to_string(size.width) + "x" + std::to_string(size.height) + " px";
  if (size.width < 1 || size.height < 1) {
    throw Error(Fault::kDecode, "expected raw pixels of at least 1x1 px, got " + shape + "; write the dataset again");
  }
  const uint64_t expected = uint64_t{3} * static_cast<uint64_t>(size.width) * static_cast<uint64_t>(size.height);
  if (data.size != expected) {
    throw Error(data.size < expected ? Fault::kTruncated : Fault::kDecode,
                "expected " + std::to_string(expected) + " bytes for raw pixels of " + shape + ", got " +
                    std::to_string(data.size) + "; restore the file, or write the dataset again");
  }
  return {data.data, size, ptrdiff_t{3} * size.width};
}

// A sample that lies in a file.
class RecordInFile : public RecordBytes {
 public:
  RecordInFile(Reader& reader, const Batch& batch, const Sample& sample)
      : reader_(reader), batch_(batch), sample_(sample) {}

  Bytes read(int64_t offset, int64_t length, ReadBuffer& buffer) override {
    return reader_.read(batch_.paths[static_cast<size_t>(sample_.file)], sample_.offset + offset, length, buffer);
  }

 private:
  Reader& reader_;
  const Batch& batch_;
  const Sample& sample_;
};

// Reading a part of a record, amid its decoding.
class MeteredRecord : public RecordBytes {
 public:
  MeteredRecord(RecordBytes& record, Meter& meter) : record_(record), meter_(meter) {}

  Bytes read(int64_t offset, int64_t length, ReadBuffer& buffer) override {
    meter_.enter(Work::kRead);
    const Bytes bytes = record_.read(offset, length, buffer);
    meter_.add_bytes(Work::kRead, static_cast<int64_t>(bytes.size));
    meter_.enter(Work::kDecode);
    return bytes;
  }

 private:
  RecordBytes& record_;
  Meter& meter_;
};

// Decoding, amid the augmentation.
class MeteredSource : public PlaneSource {
 public:
  MeteredSource(PlaneSource& source, Meter& meter) : source_(source), meter_(meter) {}

  bool reads_once() const override { return source_.reads_once(); }

  Planes read(Rect rect) override {
    meter_.enter(Work::kDecode);
    const Planes planes = source_.read(rect);
    meter_.add_bytes(Work::kDecode, int64_t{3} * rect.width * rect.height);
    meter_.enter(Work::kAugment);
    return planes;
  }

 private:
  PlaneSource& source_;
  Meter& meter_;
};

[[noreturn]] void refuse_size(Size expected, Size got) {
  const auto text = [](Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height) + " px"; };
  throw Error(Fault::kDecode, "expected a dct record of " + text(expected) + " as the index says, got one of " +
                                  text(got) + "; restore the file, or pack the dataset again");
}

}  // namespace

WorkerContext::WorkerContext(std::vector<Program> programs, Fallback decoder, MemoryFormat memory_format)
    : fallback(std::move(decoder)), format(memory_format) {
  for (Program& program : programs) views.emplace_back(std::move(program));
}

void WorkerContext::clear(const Batch& batch, size_t row) const {
  for (size_t view = 0; view < views.size(); ++view) {
    std::memset(views[view].slot(batch.outs[view], row), 0, views[view].slot_bytes);
  }
}

Worker::Worker(WorkerContext& context, Meter& meter) : context_(context), meter_(meter), executor_(context.format) {
  for (const View& view : context.views) {
    parameters_.emplace_back(view.program.columns().size());
    runs_.push_back({&view.program, parameters_.back().data(), nullptr});
  }
}

void Worker::run(const Batch& batch, size_t row) {
  const Sample& sample = batch.samples[row];
  for (size_t view = 0; view < runs_.size(); ++view) {
    runs_[view].out = context_.views[view].slot(batch.outs[view], row);
  }
  SampleKey key;
  key.seed = batch.seed;
  key.epoch = batch.epoch;
  key.index = batch.indices[row];
  key.draw = batch.draws[row];
  switch (sample.codec) {
    case Codec::kEncoded:
      run_encoded(key, read(batch, sample));
      break;
    case Codec::kRaw:
      run_raw(key, read(batch, sample), sample.size);
      break;
    case Codec::kDct:
      run_dct(key, batch, sample);
      break;
  }
  for (const View& view : context_.views) meter_.add_bytes(Work::kAugment, static_cast<int64_t>(view.slot_bytes));
}

void Worker::announce(const Batch& batch, size_t row) {
  const Sample& sample = batch.samples[row];
  if (sample.file < 0 || sample.length == 0) return;
  context_.reader.announce(batch.paths[static_cast<size_t>(sample.file)], sample.offset, sample.length);
}

Bytes Worker::read(const Batch& batch, const Sample& sample) {
  const Bytes data = sample.file < 0 ? sample.payload
                                     : context_.reader.read(batch.paths[static_cast<size_t>(sample.file)],
                                                            sample.offset, sample.length, buffer_);
  meter_.add_bytes(Work::kRead, static_cast<int64_t>(data.size));
  if (sample.crc32c) check_crc32c(data, *sample.crc32c);
  return data;
}

void Worker::run_dct(const SampleKey& key, const Batch& batch, const Sample& sample) {
  RecordInMemory in_memory(sample.payload);
  RecordInFile in_file(context_.reader, batch, sample);
  const bool is_payload = sample.file < 0;
  MeteredRecord record(is_payload ? static_cast<RecordBytes&>(in_memory) : in_file, meter_);
  const int64_t record_bytes = is_payload ? static_cast<int64_t>(sample.payload.size) : sample.length;
  meter_.enter(Work::kDecode);
  const Size size = dct_.open(record, record_bytes, sample.crc32c.has_value());
  if (sample.size != Size{} && sample.size != size) refuse_size(sample.size, size);
  if (sample.crc32c && dct_.head().record_crc32c() != *sample.crc32c) {
    throw Error(Fault::kChecksum,
                "expected the dct record that the index describes, got another one (its checksums add up to another "
                "CRC-32C); restore the file, or pack the dataset again");
  }
  run_source(key, size, dct_);
}

void Worker::run_encoded(const SampleKey& key, Bytes data) {
  if (data.size == 0) {
    throw Error(Fault::kTruncated, "expected an image, but the file has no bytes; replace or remove it");
  }
  meter_.enter(Work::kDecode);
  if (const std::optional<Size> size = executor_.open_jpeg(data)) {
    run_source(key, *size, executor_.jpeg());
    return;
  }
  const ForeignImage image = context_.fallback(data);
  meter_.add_bytes(Work::kDecode, int64_t{3} * image.pixels.size.width * image.pixels.size.height);
  run_pixels(key, image.pixels);
}

void Worker::run_raw(const SampleKey& key, Bytes data, Size size) {
  meter_.enter(Work::kDecode);
  run_pixels(key, raw_pixels(data, size));
}

void Worker::run_source(const SampleKey& key, Size size, PlaneSource& source) {
  meter_.enter(Work::kAugment);
  draw(key, size);
  MeteredSource metered(source, meter_);
  executor_.run(runs_, size, metered);
}

void Worker::run_pixels(const SampleKey& key, Pixels image) {
  meter_.enter(Work::kAugment);
  draw(key, image.size);
  executor_.run_pixels(runs_, image);
}

void Worker::draw(SampleKey key, Size size) {
  for (size_t view = 0; view < runs_.size(); ++view) {
    key.view = static_cast<uint16_t>(view);
    context_.views[view].program.draw(key, size, parameters_[view].data());
  }
}

}  // namespace penstock

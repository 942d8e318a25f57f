// One sample after the other: read, check, decode, transform, write.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/batch.h"
#include "engine/dct/source.h"
#include "engine/execute.h"
#include "engine/meter.h"
#include "engine/program.h"
#include "engine/reader.h"

namespace penstock {

// An image that somebody else decoded; valid while `owner` lives.
struct ForeignImage {
  Pixels pixels;
  std::shared_ptr<const void> owner;
};

// Decodes what libjpeg-turbo does not read. Called from any worker; its exceptions become those of the row.
using Fallback = std::function<ForeignImage(Bytes)>;

// What all workers of an engine share.
struct WorkerContext {
  WorkerContext(Program compiled, Fallback decoder, MemoryFormat memory_format = MemoryFormat::kContiguous)
      : program(std::move(compiled)),
        slot_size(*program.output_size()),
        fallback(std::move(decoder)),
        format(memory_format) {}

  size_t slot_bytes() const { return 3 * program.item_bytes() * slot_size.height * slot_size.width; }

  const Program program;
  const Size slot_size;
  const Fallback fallback;
  const MemoryFormat format;
  Reader reader;
};

// Belongs to one thread, with all the memory that it works in.
class Worker {
 public:
  // `meter` is told what is done to a sample between its begin and its finish.
  Worker(WorkerContext& context, Meter& meter)
      : context_(context), meter_(meter), executor_(context.format), parameters_(context.program.columns().size()) {}

  Meter& meter() { return meter_; }

  // Writes the result of one row to its slot. Throws Error, std::bad_alloc, or what the fallback throws.
  void run(const Batch& batch, size_t row);

  // Has the system read the bytes of a row that is yet to be run.
  void announce(const Batch& batch, size_t row);

 private:
  Bytes read(const Batch& batch, const Sample& sample);
  void run_dct(const SampleKey& key, const Batch& batch, const Sample& sample, uint8_t* slot);
  void run_encoded(const SampleKey& key, Bytes data, uint8_t* slot);
  void run_raw(const SampleKey& key, Bytes data, Size size, uint8_t* slot);
  void run_pixels(const SampleKey& key, Pixels image, uint8_t* slot);
  void run_source(const SampleKey& key, Size size, PlaneSource& source, uint8_t* slot);

  WorkerContext& context_;
  Meter& meter_;
  Executor executor_;
  ReadBuffer buffer_;
  DctSource dct_;
  std::vector<double> parameters_;
};

}  // namespace penstock

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

// One of the results that are made of each sample.
struct View {
  explicit View(Program compiled) : program(std::move(compiled)), slot_bytes(program.result_bytes()) {}

  uint8_t* slot(uint8_t* out, size_t row) const { return out + row * slot_bytes; }

  const Program program;  // with a fixed output size
  const size_t slot_bytes;
};

// What all workers of an engine share.
struct WorkerContext {
  WorkerContext(std::vector<Program> programs, Fallback decoder,
                MemoryFormat memory_format = MemoryFormat::kContiguous);

  // Fills the slots of a row with zeros.
  void clear(const Batch& batch, size_t row) const;

  std::vector<View> views;
  const Fallback fallback;
  const MemoryFormat format;
  Reader reader;
};

// Belongs to one thread, with all the memory that it works in.
class Worker {
 public:
  // `meter` is told what is done to a sample between its begin and its finish.
  Worker(WorkerContext& context, Meter& meter);

  Meter& meter() { return meter_; }

  // Writes the results of one row to their slots. Throws Error, std::bad_alloc, or what the fallback throws.
  void run(const Batch& batch, size_t row);

  // Has the system read the bytes of a row that is yet to be run.
  void announce(const Batch& batch, size_t row);

 private:
  Bytes read(const Batch& batch, const Sample& sample);
  void run_dct(const SampleKey& key, const Batch& batch, const Sample& sample);
  void run_encoded(const SampleKey& key, Bytes data);
  void run_raw(const SampleKey& key, Bytes data, Size size);
  void run_pixels(const SampleKey& key, Pixels image);
  void run_source(const SampleKey& key, Size size, PlaneSource& source);
  void draw(SampleKey key, Size size);

  WorkerContext& context_;
  Meter& meter_;
  Executor executor_;
  ReadBuffer buffer_;
  DctSource dct_;
  std::vector<std::vector<double>> parameters_;  // per view
  std::vector<Run> runs_;                        // per view
};

}  // namespace penstock

// What an engine is asked to do: undecoded samples, and the buffer that their results go to.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/geometry.h"

namespace penstock {

// How the bytes of a sample are stored; the numbers are those of penstock.record.Codec.
enum class Codec : uint8_t {
  kEncoded = 0,  // an image file
  kRaw = 1,      // pixels
  kDct = 2,      // a dct record
};

// One row of penstock.record.Records.
struct Sample {
  Codec codec = Codec::kEncoded;
  int64_t file = -1;  // position in Batch::paths, -1: `payload`
  int64_t offset = 0;
  int64_t length = 0;  // bytes, or kWholeFile
  Bytes payload;
  Size size;                       // 0 by 0 where it is not known
  std::optional<uint32_t> crc32c;  // of all bytes; rows of a dct record have their own, compared if this is given
};

struct Batch {
  std::vector<Sample> samples;
  std::vector<std::string> paths;
  uint64_t seed = 0;
  uint32_t epoch = 0;
  std::vector<int64_t> indices;  // per sample, as `draws`: its key
  std::vector<int64_t> draws;
  std::vector<uint8_t*> outs;        // per view: samples.size() results, one after the other
  std::shared_ptr<const void> loan;  // keeps payloads and `outs` in place; may be dropped in any thread
};

// A row without a result: its slot holds zeros.
struct RowFailure {
  size_t row;
  std::exception_ptr error;
};

// A finished batch.
struct Outcome {
  std::vector<RowFailure> failures;  // by row
  std::shared_ptr<const void> loan;
};

}  // namespace penstock

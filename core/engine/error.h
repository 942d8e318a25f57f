// The one exception of the engine. The binding turns each fault into its class of penstock.errors.
#pragma once

#include <stdexcept>
#include <string>

namespace penstock {

enum class Fault {
  kMissingFile,  // MissingFileError
  kIo,           // RecordError
  kTruncated,    // TruncatedError
  kChecksum,     // ChecksumError
  kDecode,       // DecodeError
  kSpec,         // SpecError
  kOption,       // OptionError
  kClosed,       // EngineClosedError
  kDataset,      // DatasetError
};

class Error : public std::runtime_error {
 public:
  // `reason` says what was expected, what came and what to do; the place is added by the caller in Python.
  Error(Fault fault, const std::string& reason) : std::runtime_error(reason), fault_(fault) {}
  Fault fault() const { return fault_; }

 private:
  Fault fault_;
};

}  // namespace penstock

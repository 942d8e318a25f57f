// Python's Records, read once and held while an engine works on them.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "binding/bytes_view.h"
#include "engine/batch.h"

namespace penstock {

// The columns of penstock.record.Records, copied, and its payloads, held. Needs the interpreter lock, also to be
// destroyed.
struct HeldRecords {
  std::vector<Sample> samples;
  std::vector<std::string> paths;  // those that samples refer to
  std::vector<std::unique_ptr<BytesView>> payloads;
};

// Throws Error(kOption), naming the column, for what is no Records or is inconsistent.
HeldRecords read_records(pybind11::handle records);

}  // namespace penstock

// The coefficients of a JPEG for the encoder, MCU row by MCU row from the top.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/dct/encoder_source.h"
#include "engine/geometry.h"
#include "engine/jpeg/baseline_header.h"
#include "engine/jpeg/baseline_scan.h"
#include "engine/scratch.h"

namespace penstock {

class CoefficientRows {
 public:
  virtual ~CoefficientRows() = default;

  virtual const DctFrame& frame() const = 0;

  // Makes the next MCU row ready. False where there is none to be had.
  virtual bool next() = 0;

  // The blocks of one row of a component, which lies in the MCU row that is ready; valid until the next call.
  virtual const Block* row(int component, int block_row) = 0;
};

// Of any JPEG that libjpeg has read.
class LibjpegRows final : public CoefficientRows {
 public:
  explicit LibjpegRows(JpegCoefficients& coefficients) : coefficients_(coefficients) {}

  const DctFrame& frame() const override { return coefficients_.frame(); }
  bool next() override { return true; }
  const Block* row(int component, int block_row) override { return coefficients_.row(component, block_row); }

 private:
  JpegCoefficients& coefficients_;
};

// Of a plain baseline JPEG, on which libjpeg has nothing to remark; faster.
class BaselineRows final : public CoefficientRows {
 public:
  // False where the file is not plain. `jpeg` has passed read_jpeg_header and must stay valid. Throws Error
  // (kTruncated).
  bool open(Bytes jpeg);

  const DctFrame& frame() const override { return header_.frame; }

  // False, too, where more or fewer data follow than the image has.
  bool next() override;
  const Block* row(int component, int block_row) override;

 private:
  BaselineHeader header_;
  BaselineScan scan_;
  int rows_ready_ = 0;
  std::array<BlockTarget, kMaxComponents> targets_;
  size_t items_ = 0;
  Scratch<int16_t> blocks_;
};

}  // namespace penstock

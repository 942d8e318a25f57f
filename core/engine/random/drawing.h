// How the parameters of each random op are drawn (docs/design/2026-11-21-interfaces.md, "Random numbers").
#pragma once

#include <cstdint>

#include "engine/padding.h"
#include "engine/program.h"
#include "engine/random/philox.h"

namespace penstock {

// The random numbers of one sample; every op has its own.
class SampleStream {
 public:
  explicit SampleStream(const SampleKey& key);

  PhiloxBlock block(uint32_t op_position, uint32_t number) const;

 private:
  PhiloxBlock state_;
  uint32_t view_;
};

// The numbers of one op of one sample.
class OpStream {
 public:
  OpStream(const SampleStream& sample, size_t op_position)
      : sample_(sample), op_position_(static_cast<uint32_t>(op_position)) {}

  PhiloxBlock block(uint32_t number) const { return sample_.block(op_position_, number); }

 private:
  const SampleStream& sample_;
  uint32_t op_position_;
};

// torchvision's RandomResizedCrop.get_params, in double precision. The crop lies inside `image`.
Rect draw_random_resized_crop(const OpStream& stream, const Op& op, Size image);

// Where torchvision's RandomCrop cuts an image with these margins: the crop's top left corner, which may lie in them.
struct Corner {
  int64_t x;
  int64_t y;
};
Corner draw_random_crop(const OpStream& stream, Size crop, Size image, const Margins& margins);

// Whether RandomHorizontalFlip or RandomVerticalFlip flips.
bool draw_flip(const OpStream& stream, const Op& op);

}  // namespace penstock

#include "engine/pixels/convert.h"

#include <algorithm>
#include <cstring>

#include "engine/simd.h"

namespace penstock {
namespace {

bool same(const Conversion& a, const Conversion& b) {
  if (a.dtype != b.dtype || a.scale != b.scale || a.normalization.has_value() != b.normalization.has_value())
    return false;
  return !a.normalization ||
         (a.normalization->mean == b.normalization->mean && a.normalization->std == b.normalization->std);
}

ConversionSteps steps_of(const Conversion& conversion, int channel) {
  ConversionSteps steps;
  if (conversion.scale) steps.divisor = 255;
  if (conversion.normalization) {
    steps.mean = conversion.normalization->mean[channel];
    steps.deviation = conversion.normalization->std[channel];
  }
  return steps;
}

}  // namespace

Conversion conversion_of(const Program& program) {
  Conversion conversion;
  conversion.dtype = program.dtype();
  for (const Op& op : program.ops()) {
    if (op.kind == OpKind::kToDtype) conversion.scale = conversion.dtype != Dtype::kUint8 && op.args[1] != 0;
    if (op.kind != OpKind::kNormalize) continue;
    Conversion::Normalization& normalization = conversion.normalization.emplace();
    for (int channel = 0; channel < 3; ++channel) {
      normalization.mean[channel] = static_cast<float>(op.args[channel]);
      normalization.std[channel] = static_cast<float>(op.args[channel + 3]);
    }
  }
  return conversion;
}

void ConversionTables::use(const Conversion& conversion) {
  if (used_ && same(*used_, conversion)) return;
  for (int channel = 0; channel < 3; ++channel) {
    floats_[channel] = floats_by(steps_of(conversion, channel));
    halves_[channel] = halves_by(steps_of(conversion, channel));
  }
  used_ = conversion;
}

void PlaneWriter::begin(const Conversion& conversion, Size size, Rect image, const std::array<uint8_t, 3>& fill,
                        void* out) {
  dtype_ = conversion.dtype;
  size_ = size;
  image_ = image;
  out_ = out;
  if (dtype_ == Dtype::kUint8) {
    fill_border<uint8_t>(fill);
    return;
  }
  row_.reserve(static_cast<size_t>(image.width) + kReadAhead);
  tables_.use(conversion);
  if (dtype_ == Dtype::kFloat32) {
    const auto& by = tables_.floats();
    fill_border<float>({by[0].table[fill[0]], by[1].table[fill[1]], by[2].table[fill[2]]});
  } else {
    const auto& by = tables_.halves();
    fill_border<uint16_t>({by[0].table[fill[0]], by[1].table[fill[1]], by[2].table[fill[2]]});
  }
}

uint8_t* PlaneWriter::row_memory(int channel, int y) {
  if (dtype_ != Dtype::kUint8) return row_.get();
  uint8_t* const row = place<uint8_t>(channel, y);
  // The result is in no cache yet: its lines come while the rows before are made. May point behind it.
  constexpr int kRowsAhead = 8;
  const auto ahead = reinterpret_cast<uintptr_t>(row) + static_cast<uintptr_t>(kRowsAhead) * size_.width;
  for (int x = 0; x < image_.width; x += 64) __builtin_prefetch(reinterpret_cast<const void*>(ahead + x), 1);
  return row;
}

void PlaneWriter::write(int channel, int y, const uint8_t* values) {
  const int width = image_.width;
  if (dtype_ == Dtype::kFloat32) {
    convert_bytes(simd_level(), values, width, tables_.floats()[channel], place<float>(channel, y));
  } else if (dtype_ == Dtype::kFloat16) {
    convert_bytes(simd_level(), values, width, tables_.halves()[channel], place<uint16_t>(channel, y));
  } else if (uint8_t* const out = place<uint8_t>(channel, y); out != values) {
    std::memcpy(out, values, static_cast<size_t>(width));
  }
}

void PlaneWriter::finish() {
  if (dtype_ != Dtype::kUint8) finish_conversions(simd_level());
}

// The first item of row y of the image.
template <typename Item>
Item* PlaneWriter::place(int channel, int y) const {
  const size_t row = static_cast<size_t>(channel) * size_.height + image_.y + y;
  return static_cast<Item*>(out_) + row * size_.width + image_.x;
}

template <typename Item>
void PlaneWriter::fill_border(const std::array<Item, 3>& colour) {
  Item* row = static_cast<Item*>(out_);
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < size_.height; ++y, row += size_.width) {
      const bool covered = y >= image_.y && y < image_.y + image_.height;
      const int right = covered ? image_.x + image_.width : image_.x;
      std::fill(row, row + image_.x, colour[channel]);
      std::fill(row + right, row + size_.width, colour[channel]);
    }
  }
}

}  // namespace penstock

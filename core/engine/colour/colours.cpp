#include "engine/colour/colours.h"

#include <algorithm>
#include <cmath>

#include "engine/colour/arithmetic.h"
#include "engine/colour/at_level.h"
#include "engine/colour/pixel_kernels.h"
#include "engine/colour/statistics.h"
#include "engine/simd.h"

namespace penstock {
namespace {

ByteTable blend_from(int from, double factor) {
  const auto alpha = static_cast<float>(factor);
  return make_table([=](int value) { return blended(from, value, alpha); });
}

ByteTable brighter_by(double light) {
  return make_table([=](int value) { return std::nearbyint(std::clamp(value + light, 0.0, 255.0)); });
}

// Pillow's `ImageOps.autocontrast`, its arithmetic in doubles included.
ByteTable stretch(const Extremes& extremes) {
  const auto [lowest, highest] = extremes;
  if (highest <= lowest) return identity_table();
  const double scale = 255.0 / (highest - lowest), offset = -lowest * scale;
  return make_table([=](int value) {
    const double stretched = value * scale + offset;
    return stretched <= 0 ? 0 : stretched >= 255 ? 255 : static_cast<int>(stretched);
  });
}

// Pillow's `ImageOps.equalize`.
ByteTable equalize(SimdLevel level, const Histogram& histogram) {
  std::array<int64_t, 256> reached;  // by all values below
  int64_t sum = 0, last = 0;
  for (size_t value = 0; value < histogram.size(); ++value) {
    reached[value] = sum;
    sum += histogram[value];
    if (histogram[value] != 0) last = histogram[value];
  }
  const int64_t step = (sum - last) / 255;
  if (step == 0) return identity_table();
  ByteTable table;
  const int64_t* const sums = reached.data();
  uint8_t* const entries = table.data();
  at_level(level, [=]() PENSTOCK_INLINE {
    // Quotients of whole numbers below 2^53, cut to whole numbers, are exact in doubles, which vectors divide.
    for (size_t value = 0; value < 256; ++value) {
      const double entry = static_cast<double>(sums[value] + step / 2) / static_cast<double>(step);
      entries[value] = static_cast<uint8_t>(static_cast<int32_t>(std::min(entry, 255.0)));
    }
  });
  return table;
}

// What the histogram of values becomes when they are looked up in `table`.
Histogram looked_up(const ByteTable& table, const Histogram& histogram) {
  Histogram found{};
  for (size_t value = 0; value < table.size(); ++value) found[table[value]] += histogram[value];
  return found;
}

Extremes extremes_of(const Histogram& histogram) {
  const auto holds = [](uint32_t count) { return count != 0; };
  const auto lowest = std::find_if(histogram.begin(), histogram.end(), holds);
  const auto highest = std::find_if(histogram.rbegin(), histogram.rend(), holds);
  return {static_cast<int>(lowest - histogram.begin()), static_cast<int>(histogram.rend() - highest) - 1};
}

}  // namespace

void Colours::apply(const Step* step, const Step* end, const PlanarImage& image) {
  tables_.clear();
  counted_ = false;
  for (; step != end; ++step) {
    if (add_table(*step) || add_table_of_values(*step, image)) continue;
    look_up_now(image);
    if (!add_table_of_image(*step, image)) change_pixels(*step, image);
  }
  look_up_now(image);
}

// Whether `step` is a table, whatever the image.
bool Colours::add_table(const Step& step) {
  const double argument = step.values[0];
  switch (step.kind) {
    case StepKind::kInvert:
      tables_.follow(make_table([](int value) { return 255 - value; }));
      return true;
    case StepKind::kSolarize:
      tables_.follow(make_table([=](int value) { return value < argument ? value : 255 - value; }));
      return true;
    case StepKind::kPosterize: {
      const int mask = -(1 << (8 - static_cast<int>(argument)));
      tables_.follow(make_table([=](int value) { return value & mask; }));
      return true;
    }
    case StepKind::kBrightness:
      tables_.follow(blend_from(0, argument));
      return true;
    case StepKind::kLighting:
      for (int channel = 0; channel < 3; ++channel) tables_.follow(channel, brighter_by(step.values[channel]));
      return true;
    default:
      return false;
  }
}

// Whether `step` is a table that follows from the histograms, which need no pixel of what is still to be looked up.
bool Colours::add_table_of_values(const Step& step, const PlanarImage& image) {
  const bool stretches = step.kind == StepKind::kAutocontrast;
  if (step.kind != StepKind::kEqualize && !(stretches && counted_)) return false;
  for (int channel = 0; channel < 3; ++channel) {
    Histogram& counts = histograms_[channel];
    if (!counted_) counts = counter_.count(simd_level(), image.plane(channel), image.plane_pixels());
    const Histogram values = tables_.changes_anything() ? looked_up(tables_[channel], counts) : counts;
    tables_.follow(channel, stretches ? stretch(extremes_of(values)) : equalize(simd_level(), values));
  }
  counted_ = true;
  return true;
}

// Whether `step` is a table for this image, to which those before were applied.
bool Colours::add_table_of_image(const Step& step, const PlanarImage& image) {
  const size_t count = image.plane_pixels();
  switch (step.kind) {
    case StepKind::kContrast:
      tables_.follow(blend_from(mean_grey(simd_level(), image), step.values[0]));
      return true;
    case StepKind::kAutocontrast:
      for (int channel = 0; channel < 3; ++channel) {
        tables_.follow(channel, stretch(find_extremes(simd_level(), image.plane(channel), count)));
      }
      return true;
    default:
      return false;
  }
}

void Colours::change_pixels(const Step& step, const PlanarImage& image) {
  counted_ = false;
  const SimdLevel level = simd_level();
  const double argument = step.values[0];
  switch (step.kind) {
    case StepKind::kSaturation:
      change_saturation(level, static_cast<float>(argument), image);
      break;
    case StepKind::kHue:
      shift_hue(level, static_cast<uint8_t>(static_cast<int>(argument * 255)), image);
      break;
    case StepKind::kHsl:
      shift_hsl(level, {static_cast<int>(argument), static_cast<int>(step.values[1]), static_cast<int>(step.values[2])},
                image);
      break;
    case StepKind::kGrey:
      make_grey(level, image);
      break;
    case StepKind::kSharpness:
      sharpness_.apply(level, static_cast<float>(argument), image);
      break;
    case StepKind::kGaussianBlur:
      gaussian_blur_.apply(level, {static_cast<int>(argument), static_cast<int>(step.values[1]), step.values[2]},
                           image);
      break;
    default:
      break;
  }
}

void Colours::look_up_now(const PlanarImage& image) {
  if (!tables_.changes_anything()) return;
  for (int channel = 0; channel < 3; ++channel) {
    look_up(simd_level(), tables_[channel], image.plane(channel), image.plane_pixels());
  }
  counted_ = false;
  tables_.clear();
}

}  // namespace penstock

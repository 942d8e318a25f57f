#include "engine/colour/ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"

namespace penstock {
namespace {

constexpr double kMaxFactor = std::numeric_limits<float>::max();
constexpr int kJitters = 4;
constexpr StepKind kJitter[kJitters] = {StepKind::kBrightness, StepKind::kContrast, StepKind::kSaturation,
                                        StepKind::kHue};
constexpr int kHuePosition = 3;
constexpr double kHighestHue = 180;  // of OpenCV's "HLS" in bytes

struct ColourOp {
  OpKind kind;
  size_t arguments;
  std::vector<std::string> fields;
};

const ColourOp& description_of(OpKind kind) {
  static const std::vector<ColourOp> known = {
      {OpKind::kRandomInvert, 1, {"apply"}},
      {OpKind::kRandomSolarize, 2, {"apply"}},
      {OpKind::kRandomPosterize, 2, {"apply"}},
      {OpKind::kRandomAutocontrast, 1, {"apply"}},
      {OpKind::kRandomEqualize, 1, {"apply"}},
      {OpKind::kRandomGrayscale, 1, {"apply"}},
      {OpKind::kGrayscale, 0, {}},
      {OpKind::kColorJitter,
       8,
       {"order_0", "order_1", "order_2", "order_3", "brightness", "contrast", "saturation", "hue"}},
      {OpKind::kRandomAdjustSharpness, 2, {"apply"}},
      {OpKind::kGaussianBlur, 4, {"sigma"}},
      {OpKind::kRandomHsl, 3, {"h", "s", "l"}},
      {OpKind::kPcaLighting, 13, {"alpha_0", "alpha_1", "alpha_2"}},
  };
  return *std::find_if(known.begin(), known.end(), [kind](const ColourOp& op) { return op.kind == kind; });
}

void require(bool holds, const std::string& op, const std::string& expected, double got) {
  if (!holds) throw Error(Fault::kSpec, op + ": " + expected + ", got " + std::to_string(got));
}

void check_probability(double p, const std::string& name) {
  require(p >= 0 && p <= 1, name, "p: expected a probability from 0 to 1", p);
}

void check_jitter(const Op& op, const std::string& name) {
  for (int k = 0; k < kJitters; ++k) {
    const double low = op.args[2 * k], high = op.args[2 * k + 1];
    const double least = k == kHuePosition ? -0.5 : 0, most = k == kHuePosition ? 0.5 : kMaxFactor;
    require(low >= least && low <= most, name, "expected a lower end in its bounds", low);
    require(high >= low && high <= most, name, "expected an upper end in its bounds, not below the lower", high);
  }
}

void check_blur(const Op& op, const std::string& name) {
  for (int axis = 0; axis < 2; ++axis) {
    const double taps = op.args[axis];
    require(taps >= 1 && taps <= 65535 && std::fmod(taps, 2) == 1, name, "kernel_size: expected an odd number", taps);
  }
  require(op.args[2] > 0 && op.args[2] <= kMaxFactor, name, "sigma_min: expected a number above 0", op.args[2]);
  require(op.args[3] >= op.args[2] && op.args[3] <= kMaxFactor, name, "sigma_max: expected at least sigma_min",
          op.args[3]);
}

void check_hsl(const Op& op, const std::string& name) {
  for (int part = 0; part < 3; ++part) {
    const double most = op.args[part], limit = part == 0 ? kHighestHue : 255;
    require(most >= 0 && most <= limit && most == std::floor(most), name, "expected a whole number in its range", most);
  }
}

void check_lighting(const Op& op, const std::string& name) {
  require(op.args[0] >= 0 && op.args[0] <= kMaxFactor, name, "alpha_std: expected 0 or more", op.args[0]);
  for (int i = 1; i < 13; ++i) {
    require(std::abs(op.args[i]) <= kMaxFactor, name, "eigval, eigvec: expected finite numbers", op.args[i]);
  }
}

double uniform(double low, double high, double unit) { return low + unit * (high - low); }

// The order, by Fisher and Yates from the end, then the factors.
void draw_jitter(const OpStream& stream, const Op& op, double* fields) {
  const PhiloxBlock factors[2] = {stream.block(0), stream.block(1)};
  const PhiloxBlock places[2] = {stream.block(2), stream.block(3)};
  for (int k = 0; k < kJitters; ++k) fields[k] = k;
  for (int last = kJitters - 1, drawn = 0; last > 0; --last, ++drawn) {
    const int other = static_cast<int>(unit_double(places[drawn / 2], drawn % 2) * (last + 1));
    std::swap(fields[last], fields[other]);
  }
  for (int k = 0; k < kJitters; ++k) {
    fields[kJitters + k] = uniform(op.args[2 * k], op.args[2 * k + 1], unit_double(factors[k / 2], k % 2));
  }
}

// As MXNet: the mean of two numbers, of which the second counts four times, cut to a whole number towards 0.
void draw_hsl(const OpStream& stream, const Op& op, double* fields) {
  for (int part = 0; part < 3; ++part) {
    const PhiloxBlock block = stream.block(part);
    const double unit = (unit_double(block, 0) + 4 * unit_double(block, 1)) / 5, most = op.args[part];
    fields[part] = std::trunc(uniform(-most, most, unit)) + 0.0;  // never -0
  }
}

// Two independent numbers of the standard normal distribution, by Box and Muller.
std::array<double, 2> normal_doubles(const PhiloxBlock& block) {
  constexpr double kTurn = 6.283185307179586;
  const double radius = std::sqrt(-2 * std::log(1 - unit_double(block, 0)));
  const double angle = kTurn * unit_double(block, 1);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

void draw_lighting(const OpStream& stream, const Op& op, double* fields) {
  const std::array<double, 2> first = normal_doubles(stream.block(0)), second = normal_doubles(stream.block(1));
  fields[0] = op.args[0] * first[0];
  fields[1] = op.args[0] * first[1];
  fields[2] = op.args[0] * second[0];
}

void check_drawn(bool holds, const char* expected, double got) {
  if (holds) return;
  throw Error(Fault::kOption, "params: expected " + std::string(expected) + ", got " + std::to_string(got) +
                                  "; draw them with this program");
}

void append_jitter(const Op& op, const double* fields, std::vector<Step>& steps) {
  for (int place = 0; place < kJitters; ++place) {
    const double which = fields[place];
    check_drawn(which == 0 || which == 1 || which == 2 || which == 3, "an order of 0, 1, 2 and 3", which);
    const int k = static_cast<int>(which);
    const double neutral = k == kHuePosition ? 0 : 1;
    if (op.args[2 * k] == neutral && op.args[2 * k + 1] == neutral) continue;
    const double factor = fields[kJitters + k];
    const bool fits = k == kHuePosition ? std::abs(factor) <= 0.5 : factor >= 0 && factor <= kMaxFactor;
    check_drawn(fits, "a factor of 0 or more (hue: -0.5 to 0.5)", factor);
    steps.push_back({kJitter[k], {factor}});
  }
}

void append_hsl(const Op& op, const double* fields, std::vector<Step>& steps) {
  if (op.args[0] == 0 && op.args[1] == 0 && op.args[2] == 0) return;
  for (int part = 0; part < 3; ++part) {
    check_drawn(std::abs(fields[part]) <= 255 && fields[part] == std::floor(fields[part]),
                "a whole number from -255 to 255", fields[part]);
  }
  steps.push_back({StepKind::kHsl, {fields[0], fields[1], fields[2]}});
}

void append_lighting(const Op& op, const double* fields, std::vector<Step>& steps) {
  Step step{StepKind::kLighting};
  for (int k = 0; k < 3; ++k) {
    check_drawn(std::abs(fields[k]) <= kMaxFactor, "a finite number", fields[k]);
    for (int channel = 0; channel < 3; ++channel) {
      step.values[channel] += op.args[4 + 3 * channel + k] * fields[k] * op.args[1 + k];
    }
  }
  steps.push_back(step);
}

Step step_of(const Op& op) {
  switch (op.kind) {
    case OpKind::kRandomSolarize:
      return {StepKind::kSolarize, {op.args[0]}};
    case OpKind::kRandomPosterize:
      return {StepKind::kPosterize, {op.args[0]}};
    case OpKind::kRandomAutocontrast:
      return {StepKind::kAutocontrast};
    case OpKind::kRandomEqualize:
      return {StepKind::kEqualize};
    case OpKind::kRandomGrayscale:
    case OpKind::kGrayscale:
      return {StepKind::kGrey};
    case OpKind::kRandomAdjustSharpness:
      return {StepKind::kSharpness, {op.args[0]}};
    default:
      return {StepKind::kInvert};
  }
}

// Where ops have a probability, it is the last argument.
double probability_of(const Op& op) { return op.args[colour_argument_count(op.kind) - 1]; }

}  // namespace

size_t colour_argument_count(OpKind kind) { return description_of(kind).arguments; }

const std::vector<std::string>& colour_fields(OpKind kind) { return description_of(kind).fields; }

void check_colour_arguments(const Op& op, const std::string& name) {
  const double first = op.args[0];
  switch (op.kind) {
    case OpKind::kGrayscale:
      return;
    case OpKind::kColorJitter:
      check_jitter(op, name);
      return;
    case OpKind::kGaussianBlur:
      check_blur(op, name);
      return;
    case OpKind::kRandomHsl:
      check_hsl(op, name);
      return;
    case OpKind::kPcaLighting:
      check_lighting(op, name);
      return;
    case OpKind::kRandomSolarize:
      require(std::isfinite(first), name, "threshold: expected a finite number", first);
      break;
    case OpKind::kRandomPosterize:
      require(first >= 0 && first <= 8 && first == std::floor(first), name, "bits: expected 0 to 8", first);
      break;
    case OpKind::kRandomAdjustSharpness:
      require(first >= 0 && first <= kMaxFactor, name, "sharpness_factor: expected 0 or more", first);
      break;
    default:
      break;
  }
  check_probability(probability_of(op), name);
}

void draw_colour(const OpStream& stream, const Op& op, double* fields) {
  switch (op.kind) {
    case OpKind::kGrayscale:
      return;
    case OpKind::kColorJitter:
      draw_jitter(stream, op, fields);
      return;
    case OpKind::kGaussianBlur:
      fields[0] = uniform(op.args[2], op.args[3], unit_double(stream.block(0), 0));
      return;
    case OpKind::kRandomHsl:
      draw_hsl(stream, op, fields);
      return;
    case OpKind::kPcaLighting:
      draw_lighting(stream, op, fields);
      return;
    default:
      fields[0] = unit_double(stream.block(0), 0) < probability_of(op) ? 1 : 0;
  }
}

void append_colours(const Op& op, const double* fields, std::vector<Step>& steps) {
  switch (op.kind) {
    case OpKind::kColorJitter:
      append_jitter(op, fields, steps);
      return;
    case OpKind::kGaussianBlur:
      check_drawn(fields[0] > 0 && fields[0] <= kMaxFactor, "a sigma above 0", fields[0]);
      steps.push_back({StepKind::kGaussianBlur, {op.args[0], op.args[1], fields[0]}});
      return;
    case OpKind::kGrayscale:
      steps.push_back(step_of(op));
      return;
    case OpKind::kRandomHsl:
      append_hsl(op, fields, steps);
      return;
    case OpKind::kPcaLighting:
      append_lighting(op, fields, steps);
      return;
    default:
      if (fields[0] != 0) steps.push_back(step_of(op));
  }
}

}  // namespace penstock

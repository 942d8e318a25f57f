#include "engine/erasing/ops.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/error.h"

namespace penstock {
namespace {

constexpr double kMaxValue = std::numeric_limits<float>::max();
constexpr double kMaxSide = 65535;
constexpr double kMaxHoles = 64;
constexpr uint32_t kTries = 10;
// Of a random erasing, after those of its tries.
constexpr uint32_t kNoiseBlock = 1 + 2 * kTries;

// Where the arguments are.
constexpr size_t kNoise = 5;
constexpr size_t kErasingValues = 6;
constexpr size_t kCutoutValues = 2;

bool makes_noise(const Op& op) { return op.kind == OpKind::kRandomErasing && op.args[kNoise] != 0; }

int hole_count(const Op& op) { return static_cast<int>(op.args[1]); }

void require(bool holds, const std::string& op, const std::string& expected, double got) {
  if (!holds) throw Error(Fault::kSpec, op + ": " + expected + ", got " + std::to_string(got));
}

void check_values(const Op& op, size_t first, const std::string& name, Dtype dtype) {
  for (size_t channel = 0; channel < 3; ++channel) {
    const double value = op.args[first + channel];
    if (dtype == Dtype::kUint8) {
      const bool byte = value >= 0 && value <= 255 && value == std::floor(value);
      require(byte, name, "value: expected a whole number from 0 to 255 for uint8", value);
    } else {
      require(std::abs(value) <= kMaxValue, name, "value: expected a number in the range of float32", value);
    }
  }
}

void check_random_erasing(const Op& op, const std::string& name, Dtype dtype) {
  const double* const args = op.args.data();
  require(args[0] >= 0 && args[0] <= 1, name, "p: expected a probability from 0 to 1", args[0]);
  require(args[1] >= 0 && args[1] <= 1, name, "scale_min: expected 0 to 1", args[1]);
  require(args[2] >= args[1] && args[2] <= 1, name, "scale_max: expected scale_min to 1", args[2]);
  require(args[3] > 0 && std::isfinite(args[3]), name, "ratio_min: expected a finite number above 0", args[3]);
  require(args[4] >= args[3] && std::isfinite(args[4]), name, "ratio_max: expected at least ratio_min", args[4]);
  require(args[kNoise] == 0 || args[kNoise] == 1, name, "noise: expected 0 or 1", args[kNoise]);
  require(args[kNoise] == 0 || dtype != Dtype::kUint8, name, "noise: expected 0 for uint8", args[kNoise]);
}

double uniform(double low, double high, double unit) { return low + unit * (high - low); }

int below(int count, double unit) { return static_cast<int>(unit * count); }

// torchvision's RandomErasing.get_params; all 0 where it erases nothing.
void draw_random_erasing(const OpStream& stream, const Op& op, Size size, double* fields) {
  std::fill(fields, fields + 5, 0.0);
  if (makes_noise(op)) {
    const PhiloxBlock key = stream.block(kNoiseBlock);
    fields[5] = key[0];
    fields[6] = key[1];
  }
  if (!(unit_double(stream.block(0), 0) < op.args[0])) return;
  const double area = static_cast<double>(size.height) * size.width;
  const double log_min = std::log(op.args[3]), log_max = std::log(op.args[4]);
  for (uint32_t attempt = 0; attempt < kTries; ++attempt) {
    const PhiloxBlock shape = stream.block(1 + 2 * attempt);
    const double target = area * uniform(op.args[1], op.args[2], unit_double(shape, 0));
    const double aspect = std::exp(uniform(log_min, log_max, unit_double(shape, 1)));
    const double height = std::nearbyint(std::sqrt(target * aspect));  // half to even, as Python's round
    const double width = std::nearbyint(std::sqrt(target / aspect));
    if (!(height < size.height && width < size.width)) continue;
    const PhiloxBlock place = stream.block(2 + 2 * attempt);
    fields[0] = 1;
    fields[1] = below(size.width - static_cast<int>(width) + 1, unit_double(place, 1));
    fields[2] = below(size.height - static_cast<int>(height) + 1, unit_double(place, 0));
    fields[3] = width;
    fields[4] = height;
    return;
  }
}

// Squares around pixels, each as likely, cut at the edges (DeVries and Taylor).
void draw_cutout(const OpStream& stream, const Op& op, Size size, double* fields) {
  const int length = static_cast<int>(op.args[0]);
  const Rect image{0, 0, size.width, size.height};
  for (int hole = 0; hole < hole_count(op); ++hole, fields += 4) {
    const PhiloxBlock centre = stream.block(static_cast<uint32_t>(hole));
    const int y = below(size.height, unit_double(centre, 0)), x = below(size.width, unit_double(centre, 1));
    const Rect visible = intersection({x - length / 2, y - length / 2, length, length}, image);
    fields[0] = visible.x;
    fields[1] = visible.y;
    fields[2] = visible.width;
    fields[3] = visible.height;
  }
}

// A part of the result, which may be empty.
Rect checked_rect(const double* fields, Size size) {
  const double x = fields[0], y = fields[1], width = fields[2], height = fields[3];
  const bool whole =
      x == std::floor(x) && y == std::floor(y) && width == std::floor(width) && height == std::floor(height);
  if (whole && x >= 0 && y >= 0 && width >= 0 && height >= 0 && x + width <= size.width && y + height <= size.height) {
    return {static_cast<int>(x), static_cast<int>(y), static_cast<int>(width), static_cast<int>(height)};
  }
  throw Error(Fault::kOption, "params: expected a rectangle of whole pixels inside the result of " +
                                  std::to_string(size.width) + "x" + std::to_string(size.height) + " to erase, got x=" +
                                  std::to_string(x) + ", y=" + std::to_string(y) + ", width=" + std::to_string(width) +
                                  ", height=" + std::to_string(height) + "; draw them for this image's size");
}

uint32_t checked_word(double value) {
  if (value >= 0 && value <= 0xFFFFFFFF && value == std::floor(value)) return static_cast<uint32_t>(value);
  throw Error(Fault::kOption, "params: expected a word of 32 bits as the key of noise, got " + std::to_string(value) +
                                  "; draw them with this program");
}

std::array<float, 3> values_of(const Op& op, size_t first) {
  std::array<float, 3> values;
  for (size_t channel = 0; channel < 3; ++channel) values[channel] = static_cast<float>(op.args[first + channel]);
  return values;
}

}  // namespace

size_t erasing_argument_count(OpKind kind) {
  return 3 + (kind == OpKind::kRandomErasing ? kErasingValues : kCutoutValues);
}

std::vector<std::string> erasing_fields(const Op& op) {
  if (op.kind == OpKind::kRandomErasing) {
    std::vector<std::string> fields = {"apply", "x", "y", "width", "height"};
    if (makes_noise(op)) fields.insert(fields.end(), {"noise_0", "noise_1"});
    return fields;
  }
  std::vector<std::string> fields;
  for (int hole = 0; hole < hole_count(op); ++hole) {
    for (const char* field : {"x_", "y_", "width_", "height_"}) fields.push_back(field + std::to_string(hole));
  }
  return fields;
}

void check_erasing_arguments(const Op& op, const std::string& name, Dtype dtype) {
  if (op.kind == OpKind::kRandomErasing) {
    check_random_erasing(op, name, dtype);
    check_values(op, kErasingValues, name, dtype);
    return;
  }
  const double length = op.args[0], holes = op.args[1];
  require(length >= 1 && length <= kMaxSide && length == std::floor(length), name, "length: expected 1 to 65535",
          length);
  require(holes >= 1 && holes <= kMaxHoles && holes == std::floor(holes), name, "n_holes: expected 1 to 64", holes);
  check_values(op, kCutoutValues, name, dtype);
}

void draw_erasing(const OpStream& stream, const Op& op, Size size, double* fields) {
  if (op.kind == OpKind::kRandomErasing) {
    draw_random_erasing(stream, op, size, fields);
  } else {
    draw_cutout(stream, op, size, fields);
  }
}

void append_erasures(const Op& op, const double* fields, Size size, std::vector<Erasure>& erasures) {
  if (op.kind == OpKind::kRandomErasing) {
    if (fields[0] == 0) return;
    Erasure erasure{checked_rect(fields + 1, size), values_of(op, kErasingValues), {}};
    if (makes_noise(op)) erasure.noise = PhiloxKey{checked_word(fields[5]), checked_word(fields[6])};
    erasures.push_back(erasure);
    return;
  }
  for (int hole = 0; hole < hole_count(op); ++hole) {
    erasures.push_back({checked_rect(fields + 4 * hole, size), values_of(op, kCutoutValues), {}});
  }
}

}  // namespace penstock

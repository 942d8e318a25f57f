#include "engine/warp/nearest_places.h"

#include <algorithm>
#include <cmath>

#include "engine/colour/at_level.h"

namespace penstock {
namespace {

uint32_t to_fixed(double value) {
  return static_cast<uint32_t>(static_cast<int32_t>(std::floor(value * 65536.0 + 0.5)));
}

// Whether fixed point holds what is seen at this corner of the result.
bool fits_fixed(const double* m, int x, int y) {
  return std::abs(x * m[0] + y * m[1] + m[2]) < 32768.0 && std::abs(x * m[3] + y * m[4] + m[5]) < 32768.0;
}

// Of the numbers i from 0 on, those with 0 <= from + i * step < end: from `first` to below `last`.
struct Range {
  int64_t first;
  int64_t last;
};

// Quotients are exact where they are below 2^20, which rows are shorter than.
int64_t quotient(int64_t number, int64_t divisor) {
  return static_cast<int64_t>(static_cast<double>(number) / static_cast<double>(divisor));
}

Range range_inside(int32_t from, int32_t step, int64_t end, int count) {
  if (step == 0) return {0, from >= 0 && from < end ? count : 0};
  const int64_t size = std::abs(int64_t{step});
  // What falls is what rises, seen from the other end.
  const int64_t rising = step > 0 ? from : end - 1 - from;
  return {rising < 0 ? quotient(-rising + size - 1, size) : 0,
          rising < end ? quotient(end - rising + size - 1, size) : 0};
}

// The pixel that a coordinate lies in; -1 for none of `count`.
int pixel_at(double coordinate, int count) {
  return coordinate >= 0 && coordinate < count ? static_cast<int>(coordinate) : -1;
}

}  // namespace

void NearestPlaces::begin(SimdLevel level, const Step& warp, Size size) {
  level_ = level;
  matrix_ = warp.values.data();
  size_ = size;
  beyond_ = size.height * size.width;
  row_ = 0;
  arithmetic_ = arithmetic_of(warp);
  const double* const m = matrix_;
  if (arithmetic_ == Arithmetic::kAxes) begin_axes(m);
  if (arithmetic_ == Arithmetic::kFixed) begin_fixed(m);
  if (arithmetic_ == Arithmetic::kSums) {
    x_ = m[2] + m[1] * 0.5 + m[0] * 0.5;
    y_ = m[5] + m[4] * 0.5 + m[3] * 0.5;
  }
}

NearestPlaces::Arithmetic NearestPlaces::arithmetic_of(const Step& warp) const {
  if (warp.kind == StepKind::kPerspective) return Arithmetic::kQuotients;
  const double* const m = warp.values.data();
  if (m[1] == 0 && m[3] == 0) return Arithmetic::kAxes;
  const bool fits = fits_fixed(m, 0, 0) && fits_fixed(m, size_.width, size_.height) && fits_fixed(m, 0, size_.height) &&
                    fits_fixed(m, size_.width, 0);
  return fits ? Arithmetic::kFixed : Arithmetic::kSums;
}

void NearestPlaces::begin_axes(const double* m) {
  int32_t* const columns = columns_.reserve(static_cast<size_t>(size_.width));
  double at = m[2] + m[0] * 0.5;
  for (int x = 0; x < size_.width; ++x, at += m[0]) columns[x] = pixel_at(at, size_.width);
  y_ = m[5] + m[4] * 0.5;
}

void NearestPlaces::begin_fixed(const double* m) {
  fixed_[0] = to_fixed(m[0]);
  fixed_[1] = to_fixed(m[1]);
  fixed_[2] = to_fixed(m[3]);
  fixed_[3] = to_fixed(m[4]);
  fixed_x_ = to_fixed(m[2] + m[0] * 0.5 + m[1] * 0.5);
  fixed_y_ = to_fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
}

void NearestPlaces::next_row(int32_t* places) {
  switch (arithmetic_) {
    case Arithmetic::kAxes:
      next_of_axes(places);
      break;
    case Arithmetic::kFixed:
      next_of_fixed(places);
      break;
    case Arithmetic::kSums:
      next_of_sums(places);
      break;
    case Arithmetic::kQuotients:
      next_of_quotients(places);
      break;
  }
  ++row_;
}

void NearestPlaces::next_of_axes(int32_t* places) {
  const int row = pixel_at(y_, size_.height);
  y_ += matrix_[4];
  if (row < 0) {
    std::fill_n(places, size_.width, beyond_);
    return;
  }
  const int32_t first = row * size_.width, beyond = beyond_;
  at_level(level_, [=, count = size_.width, column_row = columns_.get()]() PENSTOCK_INLINE {
    const int32_t* __restrict columns = column_row;
    int32_t* __restrict out = places;
    for (int x = 0; x < count; ++x) out[x] = columns[x] >= 0 ? first + columns[x] : beyond;
  });
}

void NearestPlaces::next_of_fixed(int32_t* places) {
  const uint32_t first_x = fixed_x_, first_y = fixed_y_, a = fixed_[0], d = fixed_[2];
  const auto [height, width] = size_;
  const int32_t beyond = beyond_;
  at_level(level_, [=, rows = height, columns = width]() PENSTOCK_INLINE {
    int32_t* __restrict out = places;
    const auto row_count = static_cast<uint32_t>(rows), column_count = static_cast<uint32_t>(columns);
    for (uint32_t i = 0; i < column_count; ++i) {
      const auto x = static_cast<uint32_t>(static_cast<int32_t>(first_x + i * a) >> 16);
      const auto y = static_cast<uint32_t>(static_cast<int32_t>(first_y + i * d) >> 16);
      const bool inside = (x < column_count) & (y < row_count);
      out[i] = inside ? static_cast<int32_t>(y * column_count + x) : beyond;
    }
  });
  fixed_x_ += fixed_[1];
  fixed_y_ += fixed_[3];
}

Line NearestPlaces::next_line() {
  const auto [height, width] = size_;
  const auto x = static_cast<int32_t>(fixed_x_), y = static_cast<int32_t>(fixed_y_);
  const Range columns = range_inside(x, static_cast<int32_t>(fixed_[0]), int64_t{width} << 16, width);
  const Range rows = range_inside(y, static_cast<int32_t>(fixed_[2]), int64_t{height} << 16, width);
  const int64_t first = std::min<int64_t>(std::max(columns.first, rows.first), width);
  const int64_t last = std::min<int64_t>(std::min(columns.last, rows.last), width);
  const Line line{fixed_x_, fixed_y_, fixed_[0], fixed_[2], static_cast<int>(first), static_cast<int>(last)};
  fixed_x_ += fixed_[1];
  fixed_y_ += fixed_[3];
  return line;
}

void NearestPlaces::next_of_sums(int32_t* places) {
  double at_x = x_, at_y = y_;
  for (int i = 0; i < size_.width; ++i) {
    const int x = pixel_at(at_x, size_.width), y = pixel_at(at_y, size_.height);
    places[i] = x >= 0 && y >= 0 ? y * size_.width + x : beyond_;
    at_x += matrix_[0];
    at_y += matrix_[3];
  }
  x_ += matrix_[1];
  y_ += matrix_[4];
}

void NearestPlaces::next_of_quotients(int32_t* places) {
  const double* const m = matrix_;
  const auto [height, width] = size_;
  const int32_t beyond = beyond_;
  const double down = row_ + 0.5;
  at_level(level_, [=, rows = height, columns = width]() PENSTOCK_INLINE {
    int32_t* __restrict out = places;
    const double a = m[0], d = m[3], g = m[6], c = m[2], f = m[5];
    const double b = m[1] * down, e = m[4] * down, h = m[7] * down;
    for (int i = 0; i < columns; ++i) {
      const double across = i + 0.5, divisor = g * across + h + 1;
      const double at_x = (a * across + b + c) / divisor, at_y = (d * across + e + f) / divisor;
      const bool inside = (at_x >= 0) & (at_x < columns) & (at_y >= 0) & (at_y < rows);
      const int x = static_cast<int>(inside ? at_x : 0), y = static_cast<int>(inside ? at_y : 0);
      out[i] = inside ? y * columns + x : beyond;
    }
  });
}

}  // namespace penstock

// Whole numbers, not negative, to multiples of a step.
#pragma once

namespace penstock {

template <typename T>
constexpr T divided_up(T value, T by) {
  return (value + by - 1) / by;
}

template <typename T>
constexpr T rounded_down(T value, T step) {
  return value / step * step;
}

template <typename T>
constexpr T rounded_up(T value, T step) {
  return divided_up(value, step) * step;
}

}  // namespace penstock

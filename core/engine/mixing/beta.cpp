#include "engine/mixing/beta.h"

#include <algorithm>
#include <cmath>

#include "engine/random/philox.h"

namespace penstock {
namespace {

// Where both powers are too small for a double, their quotient is found from their logarithms.
double share_of(double u, double v, double alpha) {
  const double x = std::pow(u, 1 / alpha), y = std::pow(v, 1 / alpha);
  if (x + y > 0) return x / (x + y);
  const double log_x = std::log(u) / alpha, log_y = std::log(v) / alpha;
  const double larger = std::max(log_x, log_y);
  const double small_x = std::exp(log_x - larger), small_y = std::exp(log_y - larger);
  return small_x / (small_x + small_y);
}

double johnk(const OpStream& stream, uint32_t block, double alpha) {
  while (true) {
    const PhiloxBlock numbers = stream.block(block++);
    const double u = unit_double(numbers, 0), v = unit_double(numbers, 1);
    if (u > 0 && v > 0 && std::pow(u, 1 / alpha) + std::pow(v, 1 / alpha) <= 1) return share_of(u, v, alpha);
  }
}

// With both of Cheng's shape parameters equal to `alpha`.
double cheng(const OpStream& stream, uint32_t block, double alpha) {
  const double sum = 2 * alpha;
  const double beta = std::sqrt(1 / alpha), gamma = alpha + std::sqrt(alpha);
  const double log_4 = std::log(4.0), log_5 = std::log(5.0);
  while (true) {
    const PhiloxBlock numbers = stream.block(block++);
    const double u = unit_double(numbers, 0), u_other = unit_double(numbers, 1);
    if (u == 0 || u_other == 0) continue;
    const double v = beta * std::log(u / (1 - u));
    const double w = alpha * std::exp(v);
    const double z = u * u * u_other;
    const double r = gamma * v - log_4;
    const double s = alpha + r - w;
    const bool accepted =
        s + 1 + log_5 >= 5 * z || s >= std::log(z) || r + sum * std::log(sum / (alpha + w)) >= std::log(z);
    if (accepted) return w / (alpha + w);
  }
}

}  // namespace

double draw_symmetric_beta(const OpStream& stream, uint32_t first, double alpha) {
  return alpha <= 1 ? johnk(stream, first, alpha) : cheng(stream, first, alpha);
}

}  // namespace penstock

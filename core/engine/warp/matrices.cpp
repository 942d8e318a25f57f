#include "engine/warp/matrices.h"

#include <cmath>

namespace penstock {
namespace {

constexpr double kPi = 3.14159265358979323846;

double radians(double degrees) { return degrees * (kPi / 180); }

// Python's `degrees % 360.0`.
double turned(double degrees) {
  const double rest = std::fmod(degrees, 360);
  return rest < 0 ? rest + 360 : rest;
}

// Python's `round(value, 15)` for values from -1 to 1: of the exact decimal, halves to even.
double rounded(double value) {
  constexpr double kDigits = 1e15;
  const double product = value * kDigits, error = std::fma(value, kDigits, -product);
  const double whole = std::nearbyint(product), rest = product - whole;
  if (rest == 0.5 && error > 0) return (whole + 1) / kDigits;
  if (rest == -0.5 && error < 0) return (whole - 1) / kDigits;
  return whole / kDigits;
}

// The projection of the unit square's corners to those of a quadrilateral, times `divisor`: from (u, v) to
// ((a u + b v + c) / (g u + h v + i), (d u + e v + f) / (g u + h v + i)). Heckbert, "Fundamentals of texture mapping
// and image warping" (1989), section 2.2.3. Exact as long as its numbers are whole and below 2^53.
struct Projection {
  double a, b, c, d, e, f, g, h, i;
};

Projection project_square(const CornerMoves& p) {
  const double x1 = p[1].x - p[2].x, x2 = p[3].x - p[2].x, y1 = p[1].y - p[2].y, y2 = p[3].y - p[2].y;
  const double x3 = p[0].x - p[1].x + p[2].x - p[3].x, y3 = p[0].y - p[1].y + p[2].y - p[3].y;
  const double i = x1 * y2 - x2 * y1, g = x3 * y2 - x2 * y3, h = x1 * y3 - x3 * y1;
  return {(p[1].x - p[0].x) * i + g * p[1].x,
          (p[3].x - p[0].x) * i + h * p[3].x,
          p[0].x * i,
          (p[1].y - p[0].y) * i + g * p[1].y,
          (p[3].y - p[0].y) * i + h * p[3].y,
          p[0].y * i,
          g,
          h,
          i};
}

}  // namespace

WarpMatrix rotation_matrix(double angle, Point center) {
  const double radian = -radians(turned(angle));
  const double cosine = rounded(std::cos(radian)), sine = rounded(std::sin(radian));
  return {cosine, sine,   cosine * -center.x + sine * -center.y + 0.0 + center.x,
          -sine,  cosine, -sine * -center.x + cosine * -center.y + 0.0 + center.y,
          0,      0};
}

WarpMatrix affine_matrix(const AffineParameters& parameters, Point center) {
  const double angle = radians(parameters.angle);
  const double shear_x = radians(parameters.shear_x), shear_y = radians(parameters.shear_y);
  const double a = std::cos(angle - shear_y) / std::cos(shear_y);
  const double b = -std::cos(angle - shear_y) * std::tan(shear_x) / std::cos(shear_y) - std::sin(angle);
  const double c = std::sin(angle - shear_y) / std::cos(shear_y);
  const double d = -std::sin(angle - shear_y) * std::tan(shear_x) / std::cos(shear_y) + std::cos(angle);
  const double stretch = std::sqrt(parameters.aspect);
  WarpMatrix matrix = {d / parameters.scale / stretch,
                       -b / parameters.scale / stretch,
                       0,
                       -c / parameters.scale * stretch,
                       a / parameters.scale * stretch,
                       0,
                       0,
                       0};
  const double x = -center.x - parameters.translate_x, y = -center.y - parameters.translate_y;
  matrix[2] = matrix[0] * x + matrix[1] * y + center.x;
  matrix[5] = matrix[3] * x + matrix[4] * y + center.y;
  return matrix;
}

WarpMatrix perspective_matrix(const CornerMoves& moves, Size size) {
  const double right = size.width - 1, bottom = size.height - 1;
  const CornerMoves corners = {Point{moves[0].x, moves[0].y}, Point{right - moves[1].x, moves[1].y},
                               Point{right - moves[2].x, bottom - moves[2].y}, Point{moves[3].x, bottom - moves[3].y}};
  const Projection to = project_square(corners);
  // The adjugate is the way back, but for a factor; then the square becomes the image.
  const double divisor = to.a * to.e - to.b * to.d;
  const double determinant = divisor * to.i + (to.b * to.f - to.c * to.e) * to.g + (to.c * to.d - to.a * to.f) * to.h;
  if (determinant == 0 || divisor == 0) return {1, 0, 0, 0, 1, 0, 0, 0};
  const WarpMatrix exact = {
      (to.e * to.i - to.f * to.h) * right / divisor,  (to.c * to.h - to.b * to.i) * right / divisor,
      (to.b * to.f - to.c * to.e) * right / divisor,  (to.f * to.g - to.d * to.i) * bottom / divisor,
      (to.a * to.i - to.c * to.g) * bottom / divisor, (to.c * to.d - to.a * to.f) * bottom / divisor,
      (to.d * to.h - to.e * to.g) / divisor,          (to.b * to.g - to.a * to.h) / divisor};
  WarpMatrix matrix;
  for (size_t k = 0; k < matrix.size(); ++k) matrix[k] = static_cast<float>(exact[k]);
  return matrix;
}

}  // namespace penstock

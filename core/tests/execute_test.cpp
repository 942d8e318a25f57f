#include "engine/execute.h"

#include "engine/error.h"
#include "engine/jpeg/jpeg.h"
#include "engine/program.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/images.h"

namespace penstock::testing {
namespace {

Op random_op(Random& random) {
  const double height = between(random, 1, 50), width = between(random, 1, 50);
  const double mode = between(random, 0, 3), margin = between(random, 0, 40);
  switch (between(random, 0, 11)) {
    case 0:
      return {OpKind::kRandomResizedCrop, {height, width, 0.08, 1, 0.75, 4.0 / 3}};
    case 1:
      return {OpKind::kResize, {height, width}};
    case 2:
      return {OpKind::kResizeShort, {height}};
    case 3:
      return {OpKind::kCenterCrop, {height, width}};
    case 4:
      return {OpKind::kColorJitter, {0.5, 1.5, 0.5, 1.5, 0.5, 1.5, -0.1, 0.1}};
    case 5:
      return {OpKind::kGaussianBlur, {5, 9, 0.1, 2}};
    case 6:
      return {OpKind::kRandomAdjustSharpness, {2, 0.5}};
    case 7:
      return {OpKind::kRandomEqualize, {0.5}};
    case 8:
      return {OpKind::kRandomCrop, {height, width, margin, 0, 3, margin, mode, 255, 0, 9, 1}};
    case 9:
      return {OpKind::kPad, {margin, 1, 0, margin, mode, 255, 0, 9}};
    case 10:
      return {OpKind::kRandomVerticalFlip, {0.5}};
    default:
      return {OpKind::kRandomHorizontalFlip, {0.5}};
  }
}

Program random_program(Random& random) {
  std::vector<Op> ops;
  for (int count = between(random, 0, 5); count > 0; --count) {
    if (between(random, 0, 3) == 0) ops.push_back({OpKind::kApply, {0.5, 1}});
    ops.push_back(random_op(random));
  }
  ops.push_back({OpKind::kToDtype, {static_cast<double>(between(random, 0, 2)), 1}});
  return Program(ops);
}

std::vector<uint8_t> room_for(const Program& program, Size decoded, const double* row) {
  const Size size = program.result_size(decoded, row);
  return std::vector<uint8_t>(program.item_bytes() * 3 * static_cast<size_t>(size.height) * size.width);
}

std::vector<double> draw(const Program& program, Size size, int64_t index) {
  std::vector<double> row(program.columns().size() + 1);
  program.draw({1, 0, index, 0, 0}, size, row.data());
  return row;
}

std::vector<uint8_t> interleave(const Planes& planes) {
  std::vector<uint8_t> pixels;
  for (ptrdiff_t y = 0; y < planes.size.height; ++y) {
    for (int x = 0; x < planes.size.width; ++x) {
      for (const uint8_t* plane : planes.data) pixels.push_back(plane[y * planes.stride + x]);
    }
  }
  return pixels;
}

TEST(a_jpeg_gives_what_its_decoded_pixels_give) {
  Random random(1);
  Executor executor;
  JpegDecoder decoder;
  for (int round = 0; round < 400; ++round) {
    const Size size{between(random, 1, 120), between(random, 1, 120)};
    static constexpr std::array<int, 6> kFactors[] = {{2, 2, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, {1, 1, 0, 0, 0, 0}};
    const JpegKind kind{kFactors[round % 3], round % 4 == 0};
    const std::vector<uint8_t> data = make_jpeg(random, size, kind);
    const Program program = random_program(random);
    const std::vector<double> row = draw(program, size, round);
    std::vector<uint8_t> direct = room_for(program, size, row.data()), by_pixels = direct;
    CHECK(executor.open_jpeg(bytes_of(data)) == size);
    executor.run_jpeg(program, row.data(), direct.data());
    decoder.open(bytes_of(data));
    const std::vector<uint8_t> pixels = interleave(decoder.decode({0, 0, size.width, size.height}));
    executor.run_pixels(program, row.data(), pixels_of(pixels, size), by_pixels.data());
    CHECK(direct == by_pixels);
  }
}

TEST(samples_cost_no_allocation_once_memory_has_grown) {
  Random random(2);
  Executor executor;
  std::vector<std::vector<uint8_t>> files;
  const Size size{100, 140};
  for (int i = 0; i < 8; ++i) files.push_back(make_jpeg(random, size, {{2, 2, 1, 1, 1, 1}, i % 2 == 0}));
  const Op crop{OpKind::kRandomResizedCrop, {48, 48, 0.08, 1, 0.75, 4.0 / 3}};
  const Op flip{OpKind::kRandomHorizontalFlip, {0.5}};
  const Program program({crop, flip, {OpKind::kToDtype, {1, 1}}, {OpKind::kNormalize, {0.5, 0.5, 0.5, 0.2, 0.2, 0.2}}});
  std::vector<double> row(program.columns().size());
  std::vector<uint8_t> out = room_for(program, size, row.data());
  long before = 0;
  for (int pass = 0; pass < 2; ++pass) {
    before = allocations();
    for (size_t i = 0; i < files.size(); ++i) {
      executor.open_jpeg(bytes_of(files[i]));
      program.draw({1, 0, static_cast<int64_t>(i), 0, 0}, size, row.data());
      executor.run_jpeg(program, row.data(), out.data());
    }
  }
  CHECK(allocations() == before);
}

TEST(crops_outside_the_image_are_refused) {
  Random random(3);
  Executor executor;
  const Size size{20, 30};
  const std::vector<uint8_t> image = noise(random, size);
  const Program program({{OpKind::kRandomResizedCrop, {8, 8, 0.08, 1, 0.75, 4.0 / 3}}});
  const double rows[][4] = {{0, 0, 31, 5}, {-1, 0, 5, 5}, {0, 16, 5, 5}, {0, 0, 0, 5}, {0.5, 0, 5, 5}, {1e18, 0, 5, 5}};
  std::vector<uint8_t> out = room_for(program, size, rows[0]);
  for (const auto& row : rows) {
    CHECK_THROWS(Fault::kOption, executor.run_pixels(program, row, pixels_of(image, size), out.data()));
  }
}

}  // namespace
}  // namespace penstock::testing

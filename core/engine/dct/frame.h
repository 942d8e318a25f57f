// What quantised DCT coefficients are the coefficients of: size, colour, components and their grids of blocks.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/geometry.h"

namespace penstock {

constexpr int kBlockSide = 8;
constexpr int kBlockItems = 64;
constexpr int kMaxComponents = 3;
constexpr int kMaxBlocksInMcu = 10;  // of an interleaved scan (ITU T.81, B.2.3)
constexpr int kMaxJpegSide = 65535;

// The values are those of SPEC.md, 9.1.
enum class ColorModel : uint8_t { kGrey = 0, kYcc = 1, kRgb = 2 };

// Whether the codec knows a sampling factor.
inline bool is_sampling_factor(int factor) { return factor == 1 || factor == 2 || factor == 4; }

struct DctComponent {
  int horizontal = 1;  // sampling factors
  int vertical = 1;
  uint8_t id = 0;                                       // in the JPEG
  std::array<uint16_t, kBlockItems> quantization = {};  // 1 to 65535, row by row
  Size samples;                                         // of the component's plane, without padding to whole blocks
  Size blocks;                                          // that cover the samples
};

struct DctFrame {
  Size size;  // of the image, in pixels
  ColorModel color = ColorModel::kYcc;
  int component_count = 0;
  std::array<DctComponent, kMaxComponents> components;
  int max_horizontal = 1;
  int max_vertical = 1;
  int mcu_rows = 0;  // rows of blocks of max_vertical * 8 px

  // Computes what follows from size, component_count and sampling factors: samples, blocks, maxima and mcu_rows
  // (ITU T.81, A.1.1).
  void complete();
};

// Chroma subsampling: "4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "4:1:0", "grey", or factors such as "2x2,1x2,1x2".
std::string sampling_name(const DctFrame& frame);

// Position of zigzag coefficient k in its block, row by row (ITU T.81, figure 5).
inline constexpr std::array<uint8_t, kBlockItems> kNaturalOrder = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

}  // namespace penstock

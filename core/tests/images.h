// Test images: noise, and JPEGs of it with any sampling factors.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/geometry.h"

namespace penstock::testing {

using Random = std::mt19937;

int between(Random& random, int first, int last);
Rect random_rect(Random& random, Size size);

// RGB pixels, or one plane of them: exactly the bytes, and what kernels may read after them, so that a sanitizer sees
// any further access.
std::vector<uint8_t> noise(Random& random, Size size);
std::vector<uint8_t> noise_plane(Random& random, Size size);
Pixels pixels_of(const std::vector<uint8_t>& noise, Size size);
// The three planes one after the other, without gaps.
std::vector<uint8_t> gather(const Planes& planes);

struct JpegKind {
  std::array<int, 6> factors;  // h, v of each component; grey where only the first pair is not 0
  bool progressive = false;
  int restart_interval = 0;
  int quality = 85;
  bool optimised = false;  // Huffman codes made for the image
  int amplitude = 255;     // of the noise
};

std::vector<uint8_t> make_jpeg(Random& random, Size size, const JpegKind& kind);
Bytes bytes_of(const std::vector<uint8_t>& data);

}  // namespace penstock::testing

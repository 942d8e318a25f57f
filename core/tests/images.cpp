#include "tests/images.h"

#include <jpeglib.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "engine/scratch.h"

namespace penstock::testing {

int between(Random& random, int first, int last) { return std::uniform_int_distribution<int>(first, last)(random); }

Rect random_rect(Random& random, Size size) {
  const int x = between(random, 0, size.width - 1), y = between(random, 0, size.height - 1);
  return {x, y, between(random, 1, size.width - x), between(random, 1, size.height - y)};
}

std::vector<uint8_t> noise(Random& random, Size size) {
  std::vector<uint8_t> image(static_cast<size_t>(size.height) * size.width * 3 + kReadAhead);
  for (uint8_t& byte : image) byte = static_cast<uint8_t>(random());
  return image;
}

std::vector<uint8_t> noise_plane(Random& random, Size size) {
  std::vector<uint8_t> plane(static_cast<size_t>(size.height) * size.width + kReadAhead);
  for (uint8_t& byte : plane) byte = static_cast<uint8_t>(random());
  return plane;
}

std::vector<uint8_t> gather(const Planes& planes) {
  std::vector<uint8_t> bytes;
  for (const uint8_t* plane : planes.data) {
    for (int y = 0; y < planes.size.height; ++y) {
      bytes.insert(bytes.end(), plane + y * planes.stride, plane + y * planes.stride + planes.size.width);
    }
  }
  return bytes;
}

Pixels pixels_of(const std::vector<uint8_t>& noise, Size size) {
  return {noise.data(), size, static_cast<ptrdiff_t>(size.width) * 3};
}

Bytes bytes_of(const std::vector<uint8_t>& data) { return {data.data(), data.size()}; }

std::vector<uint8_t> make_jpeg(Random& random, Size size, const JpegKind& kind) {
  const bool grey = kind.factors[2] == 0;
  std::vector<uint8_t> image = noise(random, size);
  for (uint8_t& byte : image) byte = static_cast<uint8_t>(byte * kind.amplitude / 255);
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* written = nullptr;
  unsigned long written_size = 0;
  jpeg_mem_dest(&info, &written, &written_size);
  info.image_width = static_cast<JDIMENSION>(size.width);
  info.image_height = static_cast<JDIMENSION>(size.height);
  info.input_components = grey ? 1 : 3;
  info.in_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kind.quality, TRUE);
  for (int i = 0; i < info.num_components; ++i) {
    info.comp_info[i].h_samp_factor = kind.factors[2 * i];
    info.comp_info[i].v_samp_factor = kind.factors[2 * i + 1];
  }
  info.optimize_coding = kind.optimised ? TRUE : FALSE;
  if (kind.progressive) jpeg_simple_progression(&info);
  info.restart_interval = static_cast<unsigned>(kind.restart_interval);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = image.data() + size_t{info.next_scanline} * info.image_width * info.input_components;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::vector<uint8_t> data(written, written + written_size);
  std::free(written);
  return data;
}

}  // namespace penstock::testing

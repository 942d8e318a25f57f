// libjpeg-turbo alone: how fast one thread decodes the files of a folder whole, or only reads their coefficients.
//
//   libjpeg_alone decode|coefficients FOLDER
//
// The files are in memory; the decoder's state and the pixels' buffer are reused. Decoding gives all of the image as
// RGB with the accurate integer inverse DCT and fancy upsampling, as Pillow and Penstock decode. Speaks the protocol of
// benchmarks/peers/protocol.py; a turn is whole passes over the folder. Files that need another decoder are left out.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

// After cstdio and cstddef, whose names it uses.
#include <jpeglib.h>

namespace {

using File = std::vector<unsigned char>;

[[noreturn]] void fail(j_common_ptr info) {
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  std::fprintf(stderr, "libjpeg_alone: %s\n", message);
  std::exit(1);
}

void ignore(j_common_ptr, int) {}

class Decoder {
 public:
  Decoder() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = fail;
    errors_.emit_message = ignore;
    jpeg_create_decompress(&info_);
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool is_rgb_or_grey(const File& file) {
    open(file);
    const bool usual = info_.jpeg_color_space == JCS_YCbCr || info_.jpeg_color_space == JCS_GRAYSCALE ||
                       info_.jpeg_color_space == JCS_RGB;
    jpeg_abort_decompress(&info_);
    return usual;
  }

  void decode(const File& file) {
    open(file);
    info_.out_color_space = JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    jpeg_start_decompress(&info_);
    const size_t stride = 3 * size_t{info_.output_width};
    pixels_.resize(std::max(pixels_.size(), stride * info_.output_height));
    rows_.resize(info_.output_height);
    for (size_t y = 0; y < rows_.size(); ++y) rows_[y] = pixels_.data() + y * stride;
    while (info_.output_scanline < info_.output_height) {
      jpeg_read_scanlines(&info_, rows_.data() + info_.output_scanline, info_.output_height - info_.output_scanline);
    }
    jpeg_finish_decompress(&info_);
  }

  void read_coefficients(const File& file) {
    open(file);
    jpeg_read_coefficients(&info_);
    jpeg_finish_decompress(&info_);
  }

 private:
  void open(const File& file) {
    jpeg_mem_src(&info_, file.data(), file.size());
    jpeg_read_header(&info_, TRUE);
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  File pixels_;
  std::vector<JSAMPROW> rows_;
};

// Every file once, also where a folder holds several links to it.
std::vector<File> files_of(const std::string& folder) {
  namespace fs = std::filesystem;
  std::set<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.insert(fs::canonical(entry.path()));
  }
  std::vector<File> files;
  Decoder decoder;
  for (const auto& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    File file{std::istreambuf_iterator<char>(stream), {}};
    const bool is_jpeg = file.size() > 2 && file[0] == 0xFF && file[1] == 0xD8;
    if (is_jpeg && decoder.is_rgb_or_grey(file)) files.push_back(std::move(file));
  }
  return files;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[1] : "";
  if (what != "decode" && what != "coefficients") {
    std::fprintf(stderr, "usage: libjpeg_alone decode|coefficients FOLDER\n");
    return 2;
  }
  const std::vector<File> files = files_of(argv[2]);
  if (files.empty()) {
    std::fprintf(stderr, "libjpeg_alone: no JPEG files in %s\n", argv[2]);
    return 1;
  }
  Decoder decoder;
  const auto pass = [&] {
    for (const File& file : files) what == "decode" ? decoder.decode(file) : decoder.read_coefficients(file);
  };
  pass();
  std::printf("{\"batch\": \"%s\", \"start_up_seconds\": 0, \"versions\": {}, \"files\": %zu}\n", what.c_str(),
              files.size());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const double at_least = std::atof(line.c_str()), start = now(), cpu = cpu_seconds();
    size_t images = 0;
    do {
      pass();
      images += files.size();
    } while (now() - start < at_least);
    std::printf("{\"images\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", images, now() - start,
                cpu_seconds() - cpu);
    std::fflush(stdout);
  }
}

#include "engine/dct/encoder_source.h"

#include <algorithm>

#include "engine/error.h"

namespace penstock {
namespace {

std::string factors_of(const jpeg_decompress_struct& info) {
  std::string factors;
  for (int c = 0; c < info.num_components; ++c) {
    factors += (c == 0 ? "" : ",") + std::to_string(info.comp_info[c].h_samp_factor) + "x" +
               std::to_string(info.comp_info[c].v_samp_factor);
  }
  return factors;
}

ColorModel color_of(const jpeg_decompress_struct& info) {
  if (info.num_components == 1) return ColorModel::kGrey;
  return info.jpeg_color_space == JCS_RGB ? ColorModel::kRgb : ColorModel::kYcc;
}

bool is_table(uint8_t marker) { return marker == kDht || marker == kDqt || marker == kDri; }

}  // namespace

JpegCoefficients::JpegCoefficients(Bytes jpeg) {
  guard_.watch(info_);
  if (!guard_.attempt([this] { jpeg_create_decompress(&info_); })) guard_.refuse();
  info_.mem->max_memory_to_use = 0;  // nothing goes to a file, whatever JPEGMEM says
  source_.attach(info_);
  source_.begin(jpeg);
  info_.progress = &progress_;
  progress_.progress_monitor = JpegGuard::limit_scans;
}

JpegCoefficients::~JpegCoefficients() { jpeg_destroy_decompress(&info_); }

std::optional<ColorModel> JpegCoefficients::read_color() {
  bool complete = false;
  const bool alive = guard_.attempt([&] { complete = jpeg_read_header(&info_, TRUE) == JPEG_HEADER_OK; });
  if (!alive || !complete) return std::nullopt;
  return color_of(info_);
}

// False where the data end too early.
bool JpegCoefficients::read_all() {
  if (jpeg_read_header(&info_, TRUE) != JPEG_HEADER_OK) return false;
  arrays_ = jpeg_read_coefficients(&info_);
  return arrays_ != nullptr;
}

std::string JpegCoefficients::read() {
  bool complete = false;
  if (!guard_.attempt([&] { complete = read_all(); })) return "libjpeg refuses it";
  if (!complete) return "no end of image";
  if (info_.err->num_warnings > 0) return "libjpeg warns of damage";
  return read_frame();
}

std::string JpegCoefficients::read_frame() {
  frame_.size = {static_cast<int>(info_.image_height), static_cast<int>(info_.image_width)};
  frame_.color = color_of(info_);
  frame_.component_count = info_.num_components;
  for (int c = 0; c < frame_.component_count; ++c) {
    const jpeg_component_info& source = info_.comp_info[c];
    DctComponent& component = frame_.components[static_cast<size_t>(c)];
    component.id = static_cast<uint8_t>(source.component_id);
    // The factors of a single component mean nothing.
    if (frame_.component_count > 1) {
      component.horizontal = source.h_samp_factor;
      component.vertical = source.v_samp_factor;
    }
    if (!is_sampling_factor(component.horizontal) || !is_sampling_factor(component.vertical)) {
      return "sampling factors " + factors_of(info_);
    }
    // libjpeg keeps the table that was in force at the component's first scan.
    if (source.quant_table == nullptr) return "a component without a scan";
    std::copy_n(source.quant_table->quantval, kBlockItems, component.quantization.begin());
    const auto& table = component.quantization;
    if (std::find(table.begin(), table.end(), 0) != table.end()) return "a quantiser of 0";
  }
  frame_.complete();
  return "";
}

const Block* JpegCoefficients::row(int component, int block_row) {
  JBLOCKARRAY rows = nullptr;
  const bool alive = guard_.attempt([&] {
    rows = info_.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&info_), arrays_[component],
                                         static_cast<JDIMENSION>(block_row), 1, FALSE);
  });
  if (!alive) guard_.refuse();
  return rows[0];
}

bool read_metadata(Bytes jpeg, std::vector<uint8_t>& metadata) {
  JpegSegments segments(jpeg, 2);
  bool in_header = true;
  for (;;) {
    const uint8_t marker = in_header ? segments.next_marker() : segments.marker_after_scan();
    if (marker == kEoi) return true;
    const bool is_expected = in_header || marker == kSos || is_table(marker);
    const std::optional<Bytes> segment = is_expected ? segments.next_segment() : std::nullopt;
    if (!segment) return false;
    in_header = in_header && marker != kSos;
    if (!is_metadata(marker)) continue;
    metadata.insert(metadata.end(), segment->data - 4, segment->data + segment->size);
  }
}

}  // namespace penstock

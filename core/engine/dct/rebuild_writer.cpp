#include "engine/dct/rebuild_writer.h"

#include <algorithm>
#include <new>
#include <string>

#include "engine/error.h"
#include "engine/rounding.h"

namespace penstock {
namespace {

constexpr size_t kFirstBytes = 65536;

J_COLOR_SPACE color_space_of(ColorModel color) {
  if (color == ColorModel::kGrey) return JCS_GRAYSCALE;
  return color == ColorModel::kRgb ? JCS_RGB : JCS_YCbCr;
}

}  // namespace

// Called when all bytes are used, whatever free_in_buffer says.
bool JpegWriter::Target::grow() {
  const size_t used = bytes.size();
  try {
    bytes.resize(std::max(kFirstBytes, used * 2));
  } catch (const std::bad_alloc&) {
    return false;
  }
  next_output_byte = bytes.data() + used;
  free_in_buffer = bytes.size() - used;
  return true;
}

void JpegWriter::on_start(j_compress_ptr info) { on_full(info); }

boolean JpegWriter::on_full(j_compress_ptr info) {
  if (!static_cast<Target*>(info->dest)->grow()) info->err->error_exit(reinterpret_cast<j_common_ptr>(info));
  return TRUE;
}

void JpegWriter::on_end(j_compress_ptr info) {
  Target& target = *static_cast<Target*>(info->dest);
  target.bytes.resize(target.bytes.size() - target.free_in_buffer);
}

JpegWriter::JpegWriter(const DctFrame& frame) : frame_(frame), tables_(frame) {
  guard_.watch(info_);
  if (!guard_.attempt([this] { jpeg_create_compress(&info_); })) guard_.refuse();
  info_.mem->max_memory_to_use = 0;  // nothing goes to a file, whatever JPEGMEM says
  target_.init_destination = on_start;
  target_.empty_output_buffer = on_full;
  target_.term_destination = on_end;
  info_.dest = &target_;
}

JpegWriter::~JpegWriter() { jpeg_destroy_compress(&info_); }

template <typename Body>
void JpegWriter::run(Body body) {
  if (guard_.attempt(body)) return;
  throw Error(Fault::kDecode, std::string("damaged dct record: libjpeg can't write it as a JPEG: \"") +
                                  guard_.message() + "\"; restore the file, or pack the dataset again");
}

void JpegWriter::describe_component(int c) {
  const DctComponent& component = frame_.components[c];
  jpeg_component_info& target = info_.comp_info[c];
  target.component_id = component.id;
  target.h_samp_factor = component.horizontal;
  target.v_samp_factor = component.vertical;
  target.quant_tbl_no = static_cast<int>(tables_.of_component[c]);
  arrays_[c] =
      info_.mem->request_virt_barray(reinterpret_cast<j_common_ptr>(&info_), JPOOL_IMAGE, TRUE,
                                     static_cast<JDIMENSION>(rounded_up(component.blocks.width, component.horizontal)),
                                     static_cast<JDIMENSION>(rounded_up(component.blocks.height, component.vertical)),
                                     static_cast<JDIMENSION>(component.vertical));
  scans_[c].comps_in_scan = 1;
  scans_[c].component_index[0] = c;
  scans_[c].Se = kBlockItems - 1;
}

void JpegWriter::describe() {
  info_.image_width = static_cast<JDIMENSION>(frame_.size.width);
  info_.image_height = static_cast<JDIMENSION>(frame_.size.height);
  info_.input_components = frame_.component_count;
  info_.in_color_space = color_space_of(frame_.color);
  jpeg_set_defaults(&info_);
  jpeg_set_colorspace(&info_, info_.in_color_space);
#if JPEG_LIB_VERSION >= 70
  info_.jpeg_width = info_.image_width;
  info_.jpeg_height = info_.image_height;
  info_.min_DCT_h_scaled_size = info_.min_DCT_v_scaled_size = DCTSIZE;
#endif
  info_.write_JFIF_header = info_.write_Adobe_marker = FALSE;  // the source's own are among the metadata
  info_.optimize_coding = TRUE;
  for (size_t t = 0; t < tables_.tables.size(); ++t) {
    JQUANT_TBL*& table = info_.quant_tbl_ptrs[t];
    if (table == nullptr) table = jpeg_alloc_quant_table(reinterpret_cast<j_common_ptr>(&info_));
    std::copy(tables_.tables[t]->begin(), tables_.tables[t]->end(), table->quantval);
  }
  int blocks_in_mcu = 0;
  for (int c = 0; c < frame_.component_count; ++c) {
    describe_component(c);
    blocks_in_mcu += frame_.components[c].horizontal * frame_.components[c].vertical;
  }
  if (blocks_in_mcu > kMaxBlocksInMcu) {
    info_.scan_info = scans_;
    info_.num_scans = frame_.component_count;
  }
}

void JpegWriter::start() {
  run([this] {
    describe();
    jpeg_write_coefficients(&info_, arrays_);
  });
}

void JpegWriter::write_segment(uint8_t marker, Bytes payload) {
  run([&] { jpeg_write_marker(&info_, marker, payload.data, static_cast<unsigned>(payload.size)); });
}

JBLOCKROW JpegWriter::row(int component, int block_row) {
  JBLOCKARRAY rows = nullptr;
  run([&] {
    rows = info_.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&info_), arrays_[component],
                                         static_cast<JDIMENSION>(block_row), 1, TRUE);
  });
  return rows[0];
}

std::vector<uint8_t> JpegWriter::finish() {
  run([this] { jpeg_finish_compress(&info_); });
  return std::move(target_.bytes);
}

}  // namespace penstock

#include "engine/convert.h"

#include <algorithm>
#include <type_traits>

#include "engine/deinterleave.h"
#include "engine/half.h"
#include "engine/simd.h"

#ifdef PENSTOCK_HAS_AVX2_KERNELS
#include <immintrin.h>
#endif

namespace penstock {
namespace {

bool same(const Conversion& a, const Conversion& b) {
  if (a.dtype != b.dtype || a.scale != b.scale || a.normalization.has_value() != b.normalization.has_value())
    return false;
  return !a.normalization ||
         (a.normalization->mean == b.normalization->mean && a.normalization->std == b.normalization->std);
}

float converted(const Conversion& conversion, int channel, int value) {
  float result = static_cast<float>(value);
  if (conversion.scale) result /= 255.0f;
  if (conversion.normalization) {
    result = (result - conversion.normalization->mean[channel]) / conversion.normalization->std[channel];
  }
  return result;
}

#ifdef PENSTOCK_HAS_AVX2_KERNELS

// SAFETY: takes whole groups of 8 values, and returns how many it took.
PENSTOCK_AVX2 int look_up_avx2(const uint8_t* values, int count, const float* table, float* out) {
  int x = 0;
  for (; x + 8 <= count; x += 8) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(values + x));
    _mm256_storeu_ps(out + x, _mm256_i32gather_ps(table, _mm256_cvtepu8_epi32(bytes), sizeof(float)));
  }
  return x;
}

#endif

// out[x] = table[values[x]].
template <typename Item>
void look_up(SimdLevel level, const uint8_t* values, int count, const Item* table, Item* out) {
  int done = 0;
#ifdef PENSTOCK_HAS_AVX2_KERNELS
  if constexpr (std::is_same_v<Item, float>) {
    if (level >= SimdLevel::kAvx2) done = look_up_avx2(values, count, table, out);
  }
#endif
  static_cast<void>(level);
  for (int x = done; x < count; ++x) out[x] = table[values[x]];
}

// Calls `write_row(y, planes)` for each row of an image that lies at (left, top) of three planes at `out`, with the
// places of the row's first items, and fills what the image does not cover.
template <typename Item, typename WriteRow>
void write_planes(const std::array<Item, 3>& black, Size image, Size size, int left, int top, Item* out,
                  WriteRow write_row) {
  const size_t plane_items = static_cast<size_t>(size.height) * size.width;
  for (int y = 0; y < size.height; ++y) {
    const bool covered = y >= top && y < top + image.height;
    const int width = covered ? image.width : 0;
    std::array<Item*, 3> planes;
    for (int channel = 0; channel < 3; ++channel) {
      Item* const row = out + channel * plane_items + static_cast<size_t>(y) * size.width;
      std::fill_n(row, left, black[channel]);
      std::fill_n(row + left + width, size.width - left - width, black[channel]);
      planes[channel] = row + left;
    }
    if (width > 0) write_row(y - top, planes);
  }
}

}  // namespace

Conversion conversion_of(const Program& program) {
  Conversion conversion;
  conversion.dtype = program.dtype();
  for (const Op& op : program.ops()) {
    if (op.kind == OpKind::kToDtype) conversion.scale = conversion.dtype != Dtype::kUint8 && op.args[1] != 0;
    if (op.kind != OpKind::kNormalize) continue;
    Conversion::Normalization& normalization = conversion.normalization.emplace();
    for (int channel = 0; channel < 3; ++channel) {
      normalization.mean[channel] = static_cast<float>(op.args[channel]);
      normalization.std[channel] = static_cast<float>(op.args[channel + 3]);
    }
  }
  return conversion;
}

void PlaneWriter::write(const Conversion& conversion, Pixels image, Size size, int left, int top, void* out) {
  if (conversion.dtype == Dtype::kUint8) {
    const SimdLevel level = simd_level();
    write_planes<uint8_t>({0, 0, 0}, image.size, size, left, top, static_cast<uint8_t*>(out),
                          [&](int y, const auto& planes) {
                            deinterleave(level, image.data + y * image.stride, image.size.width, planes);
                          });
    return;
  }
  if (!tabulated_ || !same(*tabulated_, conversion)) fill_tables(conversion);
  if (conversion.dtype == Dtype::kFloat32) {
    write_items(floats_, image, size, left, top, static_cast<float*>(out));
  } else {
    write_items(halves_, image, size, left, top, static_cast<uint16_t*>(out));
  }
}

void PlaneWriter::fill_tables(const Conversion& conversion) {
  for (int channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) {
      floats_[channel][value] = converted(conversion, channel, value);
      halves_[channel][value] = half_bits(floats_[channel][value]);
    }
  }
  tabulated_ = conversion;
}

template <typename Item>
void PlaneWriter::write_items(const Tables<Item>& tables, Pixels image, Size size, int left, int top, Item* out) {
  const SimdLevel level = simd_level();
  const int width = image.size.width;
  uint8_t* const bytes = row_.reserve(3 * static_cast<size_t>(width));
  const std::array<uint8_t*, 3> row = {bytes, bytes + width, bytes + 2 * static_cast<size_t>(width)};
  const std::array<Item, 3> black = {tables[0][0], tables[1][0], tables[2][0]};
  write_planes<Item>(black, image.size, size, left, top, out, [&](int y, const auto& planes) {
    deinterleave(level, image.data + y * image.stride, width, row);
    for (int channel = 0; channel < 3; ++channel) {
      look_up(level, row[channel], width, tables[channel].data(), planes[channel]);
    }
  });
}

}  // namespace penstock

#include "engine/pixels/transpose.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace penstock {
namespace {

constexpr int kTile = 16;

void transpose_portable(const uint8_t* rows, ptrdiff_t stride, int row_count, int width, uint8_t* out,
                        ptrdiff_t out_stride) {
  for (int x = 0; x < width; ++x) {
    for (int y = 0; y < row_count; ++y) out[x * out_stride + y] = rows[y * stride + x];
  }
}

#ifdef __SSE2__

// SAFETY: reads and writes 16 rows of 16 bytes. Four times the same shuffle: rows k and k + 8 are interleaved.
void transpose_tile(const uint8_t* rows, ptrdiff_t stride, uint8_t* out, ptrdiff_t out_stride) {
  __m128i tile[kTile], next[kTile];
  for (int y = 0; y < kTile; ++y) tile[y] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + y * stride));
  for (int round = 0; round < 4; ++round) {
    for (int k = 0; k < kTile / 2; ++k) {
      next[2 * k] = _mm_unpacklo_epi8(tile[k], tile[k + kTile / 2]);
      next[2 * k + 1] = _mm_unpackhi_epi8(tile[k], tile[k + kTile / 2]);
    }
    for (int k = 0; k < kTile; ++k) tile[k] = next[k];
  }
  for (int x = 0; x < kTile; ++x) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x * out_stride), tile[x]);
}

#else

void transpose_tile(const uint8_t* rows, ptrdiff_t stride, uint8_t* out, ptrdiff_t out_stride) {
  transpose_portable(rows, stride, kTile, kTile, out, out_stride);
}

#endif

}  // namespace

void transpose(const uint8_t* rows, ptrdiff_t stride, int row_count, int width, uint8_t* out, ptrdiff_t out_stride) {
  const int whole_rows = row_count - row_count % kTile, whole_width = width - width % kTile;
  for (int y = 0; y < whole_rows; y += kTile) {
    for (int x = 0; x < whole_width; x += kTile) {
      transpose_tile(rows + y * stride + x, stride, out + x * out_stride + y, out_stride);
    }
  }
  transpose_portable(rows + whole_width, stride, row_count, width - whole_width, out + whole_width * out_stride,
                     out_stride);
  transpose_portable(rows + whole_rows * stride, stride, row_count - whole_rows, whole_width, out + whole_rows,
                     out_stride);
}

}  // namespace penstock

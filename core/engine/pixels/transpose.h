// Planes of bytes, rows for columns.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock {

// Writes the byte at column x of row y to column y of row x, for rows of `width` bytes that lie `stride` apart. The two
// must not overlap.
void transpose(const uint8_t* rows, ptrdiff_t stride, int row_count, int width, uint8_t* out, ptrdiff_t out_stride);

}  // namespace penstock

"""On which blocks libjpeg's implementations of the inverse DCT agree: formats/SPEC.md, 9.5, after jidctint.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def agreed(block: NDArray[np.int64], quantization: NDArray[np.int64]) -> bool:
    """Whether a record may hold the block, (8, 8)."""
    if not -1024 <= block[0, 0] <= 1023 or np.abs(block.ravel()[1:]).max() > 1023:
        return False
    items = [[int(value) for value in row] for row in block * quantization]
    fits = all(-32768 <= value <= 32767 for row in items for value in row)
    columns = [transform([items[y][x] for y in range(8)], 11) for x in range(8)]
    rows = [transform([columns[x][0][y] for x in range(8)], 18) for y in range(8)]
    fits &= all(line_fits for _, line_fits in columns + rows)
    fits &= all(-32768 <= value <= 32767 for line, _ in columns for value in line)
    return fits and all(-512 <= value <= 511 for line, _ in rows for value in line)


def transform(line: list[int], shift: int) -> tuple[list[int], bool]:
    """One dimension, and whether the sums that SIMD versions keep in 16 bits fit."""
    z1, z2, z3, z4 = line[7] + line[1], line[5] + line[3], line[7] + line[3], line[5] + line[1]
    fits = all(-32768 <= value <= 32767 for value in (line[0] + line[4], line[0] - line[4], z3, z4))
    z5 = (z3 + z4) * 9633
    z1, z2, z3, z4 = z1 * -7373, z2 * -20995, z3 * -16069 + z5, z4 * -3196 + z5
    odd = [
        line[1] * 12299 + z1 + z4,
        line[3] * 25172 + z2 + z3,
        line[5] * 16819 + z2 + z4,
        line[7] * 2446 + z1 + z3,
    ]
    shared = (line[2] + line[6]) * 4433
    low, high = shared - line[6] * 15137, shared + line[2] * 6270
    total, difference = (line[0] + line[4]) * 8192, (line[0] - line[4]) * 8192
    even = [total + high, difference + low, difference - low, total - high]
    half = 1 << (shift - 1)
    first = [(e + o + half) >> shift for e, o in zip(even, odd, strict=True)]
    return first + [(e - o + half) >> shift for e, o in zip(even, odd, strict=True)][::-1], fits

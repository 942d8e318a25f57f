"""Standard normal noise that depends on a key alone, equal in every bit in every executor.

Box and Muller's method ("A note on the generation of random normal deviates", 1958) on 16 random bits for the radius
and 16 for the angle, by tables: what is computed for a pixel is a float32 product of two table entries, so executors
that share the tables can't differ. Values reach from -4.86 to 4.86.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ...rng import philox_blocks

__all__ = ["cosine_table", "normal_noise", "radius_table"]

PLACES = 65_536
"""Entries of each table."""


def normal_noise(key: tuple[int, int], count: int) -> NDArray[np.float32]:
    """(count, 3): red, green and blue of pixels 0 to count - 1 of the noise of `key`.

    Block n of Philox (counter (n, 0, 0, 0)) serves pixels 2n, with words 0 and 1, and 2n + 1, with words 2 and 3. The
    low 16 bits of a word choose the radius r, the high 16 the angle t: red is r cos t and green r sin t of the first
    word, blue r cos t of the second.

    Args:
        key: the two words that `RandomErasing` drew.
        count: of pixels, below 2**32.
    """
    words = philox_blocks(key, 0, (count + 1) // 2).T.reshape(-1, 2)[:count].astype(np.int64)
    radius, angle = radius_table()[words % PLACES], words // PLACES
    sine = cosine_table()[(angle[:, 0] - PLACES // 4) % PLACES]
    cosine = cosine_table()[angle]
    return np.stack([radius[:, 0] * cosine[:, 0], radius[:, 0] * sine, radius[:, 1] * cosine[:, 1]], axis=1)


@functools.cache
def radius_table() -> NDArray[np.float32]:
    """(65536,) sqrt(-2 ln((k + 0.5) / 65536)), computed in float64; read-only."""
    return _constant(np.sqrt(-2 * np.log(_middles())))


@functools.cache
def cosine_table() -> NDArray[np.float32]:
    """(65536,) cos(2 pi (k + 0.5) / 65536), computed in float64; read-only. The sine is a quarter of it earlier."""
    return _constant(np.cos(2 * np.pi * _middles()))


def _middles() -> NDArray[np.float64]:
    middles: NDArray[np.float64] = (np.arange(PLACES) + 0.5) / PLACES
    return middles


def _constant(values: NDArray[np.float64]) -> NDArray[np.float32]:
    table = values.astype(np.float32)
    table.setflags(write=False)
    return table

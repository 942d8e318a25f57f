"""Where the triangle of an antialiased bilinear filter hangs over the edges of an image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["inner_weight", "reach_px"]


def reach_px(lengths: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many pixels outside an axis of `lengths` the filter can reach, where `sizes` pixels become of it."""
    reach: NDArray[np.int64] = np.ceil(np.maximum(lengths / sizes, 1)).astype(np.int64) + 1
    return reach


@lru_cache(maxsize=4096)
def inner_weight(length: int, size: int) -> NDArray[np.float32]:
    """(size,) the share of each result's filter that lies inside an axis of `length` pixels; read-only.

    The filter is that of Pillow: a triangle of half width max(1, length / size), around the place of the result.
    """
    scale = length / size
    support = max(scale, 1.0)
    centers = (np.arange(size) + 0.5) * scale
    taps = np.floor(centers - support)[:, None] + np.arange(int(2 * support) + 3) + 0.5
    weights = np.maximum(1 - np.abs(taps - centers[:, None]) / support, 0)
    share: NDArray[np.float32] = (np.where((taps > 0) & (taps < length), weights, 0).sum(1) / weights.sum(1)).astype(
        np.float32
    )
    share.setflags(write=False)
    return share

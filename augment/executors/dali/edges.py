"""Where an antialiased filter hangs over the edges of an image."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FILTERS", "Filter", "inner_weight", "reach_px"]

Numbers = NDArray[np.float64]


class Filter(NamedTuple):
    """A filter around 0 that DALI and Pillow both have.

    Attributes:
        dali: its name in DALI.
        support: how far it reaches, in pixels of the larger image.
        height: its values at distances.
    """

    dali: str
    support: float
    height: Callable[[Numbers], Numbers]


def _triangle(x: Numbers) -> Numbers:
    heights: Numbers = np.maximum(1 - np.abs(x), 0)
    return heights


def _cubic(x: Numbers) -> Numbers:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: Numbers) -> Numbers:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


FILTERS = {
    "bilinear": Filter("INTERP_LINEAR", 1.0, _triangle),
    "bicubic": Filter("INTERP_CUBIC", 2.0, _cubic),
    "lanczos": Filter("INTERP_LANCZOS3", 3.0, _lanczos),
}
"""By the names of `Resize`; Pillow's "box" and "hamming" are not among DALI's, and its "nearest" takes other pixels."""


def reach_px(lengths: NDArray[np.int64], sizes: NDArray[np.int64], support: float = 1.0) -> NDArray[np.int64]:
    """How many pixels outside an axis of `lengths` the filter can reach, where `sizes` pixels become of it."""
    reach: NDArray[np.int64] = np.ceil(np.maximum(lengths / sizes, 1) * support).astype(np.int64) + 1
    return reach


@lru_cache(maxsize=4096)
def inner_weight(length: int, size: int, name: str = "bilinear") -> NDArray[np.float32]:
    """(size,) the share of each result's filter that lies inside an axis of `length` pixels; read-only.

    The filter is that of Pillow: widened by a shrinking factor of length / size, around the place of the result.
    """
    kernel = FILTERS[name]
    scale = length / size
    widening = max(scale, 1.0)
    centers = (np.arange(size) + 0.5) * scale
    reach = kernel.support * widening
    taps = np.floor(centers - reach)[:, None] + np.arange(int(2 * reach) + 3) + 0.5
    weights = kernel.height((taps - centers[:, None]) / widening)
    inside = np.where((taps > 0) & (taps < length), weights, 0).sum(1)
    share: NDArray[np.float32] = (inside / weights.sum(1)).astype(np.float32)
    share.setflags(write=False)
    return share

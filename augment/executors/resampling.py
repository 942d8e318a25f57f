"""Pillow's resizes in plain numpy: slow, and equal to Pillow 13 in every bit.

The algorithm is that of Pillow's `src/libImaging/Resample.c` for 8-bit channels: each output pixel is a weighted sum of
the input pixels under a filter (a triangle for "bilinear") that is widened by the shrinking factor and cut off at the
image's edges. Weights are computed in float64 and rounded to fixed point. One pass works along the rows and one down
the columns, with uint8 in between; Pillow 13 chooses which comes first, and Pillow before it always works along the
rows first. "nearest" picks pixels, as its `src/libImaging/Geometry.c` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FILTERS", "Filter", "resize"]

PRECISION_BITS = 32 - 8 - 2
"""Binary places of a fixed-point weight: 32, less 8 of a pixel, less 2 of head room."""


class Filter(NamedTuple):
    """A filter around 0.

    Attributes:
        support: how far it reaches, in pixels of the larger image.
        height: its value at a distance.
    """

    support: float
    height: Callable[[float], float]


def _box(x: float) -> float:
    return 1.0 if -0.5 < x <= 0.5 else 0.0


def _triangle(x: float) -> float:
    return max(1.0 - abs(x), 0.0)


def _hamming(x: float) -> float:
    x = abs(x)
    if x == 0.0 or x >= 1.0:
        return 1.0 if x == 0.0 else 0.0
    x *= math.pi
    # Pillow's constants are floats.
    return math.sin(x) / x * (float(np.float32(0.54)) + float(np.float32(0.46)) * math.cos(x))


def _cubic(x: float) -> float:
    """Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -0.5."""
    x, a = abs(x), -0.5
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2.0 else 0.0


def _sinc(x: float) -> float:
    x *= math.pi
    return math.sin(x) / x if x else 1.0


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / 3) if -3.0 <= x < 3.0 else 0.0


FILTERS: dict[str, Filter] = {
    "bilinear": Filter(1.0, _triangle),
    "bicubic": Filter(2.0, _cubic),
    "box": Filter(0.5, _box),
    "hamming": Filter(1.0, _hamming),
    "lanczos": Filter(3.0, _lanczos),
}


def resize(image_hwc: NDArray[np.uint8], height: int, width: int, interpolation: str = "bilinear") -> NDArray[np.uint8]:
    """(height, width, channels) uint8: what `PIL.Image.resize((width, height))` gives for the image.

    Args:
        image_hwc: the image.
        height, width: of the result.
        interpolation: "nearest" or one of `FILTERS`.
    """
    if interpolation == "nearest":
        rows, columns = nearest_places(image_hwc.shape[0], height), nearest_places(image_hwc.shape[1], width)
        return image_hwc[rows[:, None], columns]
    for axis in (0, 1) if columns_first(image_hwc.shape[:2], (height, width)) else (1, 0):
        weights = fixed_point_weights(image_hwc.shape[axis], (height, width)[axis], FILTERS[interpolation])
        image_hwc = _resample(image_hwc, weights, axis)
    return image_hwc


def columns_first(given: tuple[int, ...], wanted: tuple[int, int]) -> bool:
    """Whether the pass down the columns comes first: where the height loses over twice as many pixels as the width.

    Both sizes are (height, width). The rule is Pillow 13's (`ImagingResampleInner`).
    """
    lost_height, lost_width = given[0] - wanted[0], given[1] - wanted[1]
    return lost_height > 0 and lost_height > 2 * lost_width


def nearest_places(in_size: int, out_size: int) -> NDArray[np.int64]:
    """(out_size,): which pixel of an axis each pixel of the resized one is."""
    step = in_size / out_size
    # Pillow adds the step again and again, and so does numpy's cumsum.
    places = np.cumsum(np.array([step * 0.5] + [step] * (out_size - 1)))
    return places.astype(np.int64)


def fixed_point_weights(in_size: int, out_size: int, kernel: Filter = FILTERS["bilinear"]) -> NDArray[np.float64]:
    """(out_size, in_size): what each input pixel counts in each output pixel, integers scaled by 2**PRECISION_BITS."""
    scale = in_size / out_size
    widening = max(scale, 1.0)
    support, narrowing = kernel.support * widening, 1.0 / widening
    weights = np.zeros((out_size, in_size))
    for out in range(out_size):
        center = (out + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), in_size)
        distance = np.arange(first, last) - center + 0.5
        heights = np.array([kernel.height(x) for x in (distance * narrowing).tolist()])
        # Pillow adds up from left to right; numpy's sum would pair the terms and round otherwise.
        total = np.cumsum(heights)[-1]
        shares = heights / total * (1 << PRECISION_BITS)
        weights[out, first:last] = np.trunc(shares + np.where(shares < 0, -0.5, 0.5))
    return weights


def _resample(image_hwc: NDArray[np.uint8], weights: NDArray[np.float64], axis: int) -> NDArray[np.uint8]:
    # All terms and sums are integers far below 2**53, so float64 holds them exactly.
    sums = np.tensordot(weights, image_hwc.astype(np.float64), axes=(1, axis))
    rounded = (np.moveaxis(sums, 0, axis).astype(np.int64) + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS
    pixels: NDArray[np.uint8] = np.clip(rounded, 0, 255).astype(np.uint8)
    return pixels

"""Pillow's antialiased bilinear resize in plain numpy: slow, and equal to Pillow 13 in every bit.

The algorithm is that of Pillow's `src/libImaging/Resample.c` for 8-bit channels: each output pixel is a weighted sum of
the input pixels under a triangle that is widened by the shrinking factor and cut off at the image's edges. Weights are
computed in float64 and rounded to fixed point. One pass works along the rows and one down the columns, with uint8 in
between; Pillow 13 chooses which comes first, and Pillow before it always works along the rows first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["resize_bilinear"]

PRECISION_BITS = 32 - 8 - 2
"""Binary places of a fixed-point weight: 32, less 8 of a pixel, less 2 of head room."""


def resize_bilinear(image_hwc: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, channels) uint8: what `PIL.Image.resize((width, height), BILINEAR)` gives for the image."""
    for axis in (0, 1) if columns_first(image_hwc.shape[:2], (height, width)) else (1, 0):
        weights = fixed_point_weights(image_hwc.shape[axis], (height, width)[axis])
        image_hwc = _resample(image_hwc, weights, axis)
    return image_hwc


def columns_first(given: tuple[int, ...], wanted: tuple[int, int]) -> bool:
    """Whether the pass down the columns comes first: where the height loses over twice as many pixels as the width.

    Both sizes are (height, width). The rule is Pillow 13's (`ImagingResampleInner`).
    """
    lost_height, lost_width = given[0] - wanted[0], given[1] - wanted[1]
    return lost_height > 0 and lost_height > 2 * lost_width


def fixed_point_weights(in_size: int, out_size: int) -> NDArray[np.float64]:
    """(out_size, in_size): what each input pixel counts in each output pixel, integers scaled by 2**PRECISION_BITS."""
    scale = in_size / out_size
    support = max(scale, 1.0)
    narrowing = 1.0 / support
    weights = np.zeros((out_size, in_size))
    for out in range(out_size):
        center = (out + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), in_size)
        distance = np.arange(first, last) - center + 0.5
        triangle = np.maximum(1.0 - np.abs(distance * narrowing), 0.0)
        # Pillow adds up from left to right; numpy's sum would pair the terms and round otherwise.
        total = np.cumsum(triangle)[-1]
        weights[out, first:last] = np.floor(0.5 + triangle / total * (1 << PRECISION_BITS))
    return weights


def _resample(image_hwc: NDArray[np.uint8], weights: NDArray[np.float64], axis: int) -> NDArray[np.uint8]:
    # All terms and sums are integers far below 2**53, so float64 holds them exactly.
    sums = np.tensordot(weights, image_hwc.astype(np.float64), axes=(1, axis))
    rounded = (np.moveaxis(sums, 0, axis).astype(np.int64) + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS
    pixels: NDArray[np.uint8] = np.clip(rounded, 0, 255).astype(np.uint8)
    return pixels

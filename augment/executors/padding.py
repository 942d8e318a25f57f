"""Padding in plain numpy, as torchvision pads PIL images: with `PIL.ImageOps.expand` or `numpy.pad`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["padded"]


def padded(image_hwc: NDArray[Any], margins: Any, fill: Any, mode: str) -> NDArray[Any]:
    """The image with (left, top, right, bottom) pixels more: of the colour `fill`, or as `numpy.pad` does."""
    left, top, right, bottom = margins
    height, width = image_hwc.shape[:2]
    if mode == "constant":
        whole = np.empty((top + height + bottom, left + width + right, 3), image_hwc.dtype)
        whole[:] = fill
        whole[top : top + height, left : left + width] = image_hwc
        return whole
    rows = places(mode, height, top, bottom)
    columns = places(mode, width, left, right)
    return image_hwc[rows[:, None], columns]


def places(mode: str, length: int, before: int, after: int) -> NDArray[np.int64]:
    """(before + length + after,): which of the pixels along an axis is at each place of the padded axis."""
    position = np.arange(-before, length + after)
    if mode == "edge" or length == 1:
        return position.clip(0, length - 1)
    # What is mirrored at both ends repeats itself: there and back again.
    there = np.arange(length)
    back = there[::-1] if mode == "symmetric" else there[-2:0:-1]
    period = np.concatenate([there, back])
    return period[position % len(period)]

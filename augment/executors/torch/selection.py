"""Crops, padding and mirroring on batches: every pixel of a result is one of the image's, or of the fill's colour.

Which one it is, is separable: (n, height) rows and (n, width) columns of the image, found on the host; -1 is the fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from .images import Images, Sizes, on_device

__all__ = ["FILL", "Places", "mirrored", "repeated", "selected", "shifted", "summed", "taken"]

Places: TypeAlias = NDArray[np.int64]
"""(n, length) place of each result's pixels along an axis of its image."""

FILL = -1
"""The place of a pixel that is not in the image."""


def shifted(start: NDArray[np.int64], length: int) -> Places:
    """`length` places from `start` on, for each sample."""
    return start[:, None] + np.arange(length)


def mirrored(sizes: NDArray[np.int64], length: int) -> Places:
    """From the end of each image to its beginning."""
    return sizes[:, None] - 1 - np.arange(length)


def summed(start: NDArray[np.float64], step: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(..., count): start, start + step, start + step + step ..., rounded at each sum."""
    steps = np.repeat(np.broadcast_to(step, start.shape)[..., None], count, axis=-1)
    steps[..., 0] = start
    sums: NDArray[np.float64] = np.add.accumulate(steps, axis=-1)
    return sums


def repeated(places: Places, sizes: NDArray[np.int64], mode: str) -> Places:
    """Where the pixels of a padded image are in the image; as `numpy.pad` numbers its modes' sources.

    Args:
        places: counted from the image's first pixel, negative in the padding before it.
        sizes: (n,) length of each image.
        mode: "constant", "edge", "reflect" or "symmetric".
    """
    size = sizes[:, None]
    if mode == "constant":
        return np.where((places >= 0) & (places < size), places, FILL)
    if mode == "edge":
        return places.clip(0, size - 1)
    # What is mirrored at both ends repeats itself: there and back again.
    period = np.maximum(2 * size - (2 if mode == "reflect" else 0), 1)
    place = places % period
    return np.where(place < size, place, (2 * size - (2 if mode == "reflect" else 1)) - place)


def selected(images: Images, rows: Places, columns: Places, sizes: Sizes, fill: Sequence[float] = (0, 0, 0)) -> Images:
    """The images made of these rows and columns.

    Args:
        images: the batch.
        rows, columns: (n, height) and (n, width) places, of which `FILL` and others outside mean the fill.
        sizes: of the results.
        fill: value of each channel.
    """
    limits = images.sizes[:, :, None]
    missing = [(p < 0) | (p >= limit) for p, limit in zip((rows, columns), limits.swapaxes(0, 1), strict=True)]
    pixels = taken(images.pixels, np.where(missing[0], 0, rows), 2)
    pixels = taken(pixels, np.where(missing[1], 0, columns), 3)
    if any(absent.any() for absent in missing):
        outside = [on_device(absent, images.device)[:, None] for absent in missing]
        colour = on_device(np.array(fill, np.float32), images.device).to(pixels.dtype)[:, None, None]
        pixels = torch.where(outside[0][..., None] | outside[1][:, :, None], colour, pixels)
    return Images(pixels, sizes)


def taken(pixels: torch.Tensor, places: Places, axis: int) -> torch.Tensor:
    """Of each image these places along the axis, 2 (rows) or 3 (columns); none of them outside."""
    first = places[0]
    if (places == first).all():
        if np.array_equal(first, np.arange(first[0], first[0] + len(first))):
            return pixels.narrow(axis, int(first[0]), len(first))
        return pixels.index_select(axis, on_device(first, pixels.device))
    if axis == 2:
        return _rows(pixels, places)
    index = on_device(places, pixels.device)[:, None, None]
    return pixels.gather(3, index.expand(-1, *pixels.shape[1:3], -1))


def _rows(pixels: torch.Tensor, places: Places) -> torch.Tensor:
    # Rows lie together in memory: copying them whole is several times as fast as gathering their pixels.
    count, channels, height, width = pixels.shape
    planes = np.arange(count * channels).reshape(count, channels, 1) * height
    index = on_device((planes + places[:, None]).ravel(), pixels.device)
    return pixels.reshape(-1, width).index_select(0, index).view(count, channels, -1, width)

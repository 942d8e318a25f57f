"""Resizing on batches: Pillow's antialiased filter, with its integers, so that results are equal in every bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import RandomResizedCrop, Resize
from ...ops.arguments import pair
from .dispatch import Drawn, apply_op
from .filters import FILTERS
from .images import Images, Sizes, portions
from .passes import Regions, put_resized
from .selection import selected, summed

__all__ = ["resized"]

TAPS = 8
"""Weights that a line of an image has for each of its pixels, at most, and a little more."""


@apply_op.register
def _random_resized_crop(op: RandomResizedCrop, images: Images, drawn: Drawn) -> Images:
    start, size = (
        np.stack([drawn[down], drawn[across]], axis=1).astype(np.int64)
        for down, across in (("y", "x"), ("height", "width"))
    )
    wanted = np.tile(np.array(pair(op.size), np.int64), (len(images), 1))
    return resized(images, start, size, wanted, op.interpolation)


@apply_op.register
def _resize(op: Resize, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    if isinstance(op.size, int):
        wanted = short_side_sizes(images.sizes, op.size, op.max_size)
    else:
        wanted = np.tile(np.array(pair(op.size), np.int64), (len(images), 1))
    return resized(images, np.zeros_like(images.sizes), images.sizes, wanted, op.interpolation)


def short_side_sizes(sizes: Sizes, short: int, max_size: int | None) -> Sizes:
    """Sizes with the shorter side `short` and the longer at most `max_size`, as torchvision rounds them."""
    shorter, longer = sizes.min(axis=1), sizes.max(axis=1)
    new_short, new_long = np.full_like(shorter, short), (short * longer / shorter).astype(np.int64)
    if max_size is not None:
        limited = np.maximum((max_size * new_short / new_long).astype(np.int64), 1)
        new_short = np.where(new_long > max_size, limited, new_short)
        new_long = np.minimum(new_long, max_size)
    is_tall = sizes[:, 1] <= sizes[:, 0]
    return np.stack([np.where(is_tall, new_long, new_short), np.where(is_tall, new_short, new_long)], axis=1)


def resized(images: Images, start: Sizes, size: Sizes, wanted: Sizes, interpolation: str) -> Images:
    """Regions of the images, resized.

    Args:
        images: the batch, uint8.
        start: top left corner of each region, as (y, x).
        size: of the regions.
        wanted: sizes of the results.
        interpolation: "nearest", or one of `FILTERS`.
    """
    if interpolation == "nearest":
        return _picked(images, start, size, wanted)
    result = images.pixels.new_empty((len(images), 3, *wanted.max(axis=0).tolist()))
    for rows, axes in _similar(size, wanted, images.device):
        regions = Regions(rows, start[rows], size[rows])
        put_resized(result, images, regions, wanted[rows], axes, FILTERS[interpolation])
    return Images(result, wanted)


def _picked(images: Images, start: Sizes, size: Sizes, wanted: Sizes) -> Images:
    """As Pillow's "nearest", which adds the step between pixels again and again."""
    step = size / wanted
    rows, columns = (
        np.minimum(summed(step[:, axis] * 0.5, step[:, axis], longest).astype(np.int64), size[:, axis, None] - 1)
        + start[:, axis, None]
        for axis, longest in enumerate(wanted.max(axis=0).tolist())
    )
    return selected(images, rows, columns, wanted)


def _similar(size: Sizes, wanted: Sizes, device: torch.device) -> Iterator[tuple[NDArray[np.int64], tuple[int, int]]]:
    """(rows of the batch, axes in order of the passes): some at a time, regions of similar sizes together."""
    lost = size - wanted
    down_first = (lost[:, 0] > 0) & (lost[:, 0] > 2 * lost[:, 1])
    for chosen, axes in ((~down_first, (1, 0)), (down_first, (0, 1))):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(size[rows].prod(axis=1), kind="stable")]
        longest = np.maximum(size, wanted)[rows].max(axis=1)
        yield from ((rows[some], axes) for some in portions(TAPS * longest, device))

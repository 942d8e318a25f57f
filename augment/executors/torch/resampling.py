"""Resizing on batches: Pillow's antialiased filter, with its integers, so that results are equal in every bit.

Weights are computed for all samples at once. A pass adds up one tap of all output pixels after the other: as many
steps as the widest filter has taps, each over the whole batch, with the pixels under that tap gathered from every
sample's own places. Sums of 22 binary places fit 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import RandomResizedCrop, Resize
from ...ops.arguments import pair
from ..resampling import PRECISION_BITS
from .dispatch import Drawn, apply_op
from .filters import FILTERS, Filter, taps_of
from .images import Images, Sizes, group_size, on_device
from .selection import selected, shifted, summed, taken

__all__ = ["resized"]


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
    kernel = FILTERS[interpolation]
    height, width = wanted.max(axis=0).tolist()
    pixels = images.pixels.new_empty((len(images), 3, height, width))
    for rows, axes in _groups(size, wanted, group_size(images.device)):
        part = _resized(images.take(rows), start[rows], size[rows], wanted[rows], axes, kernel)
        if len(rows) == len(images):
            return Images(part, wanted)
        index = on_device(rows, images.device)
        pixels[:, :, : part.shape[2], : part.shape[3]].index_copy_(0, index, part)
    return Images(pixels, wanted)


def _picked(images: Images, start: Sizes, size: Sizes, wanted: Sizes) -> Images:
    """As Pillow's "nearest", which adds the step between pixels again and again."""
    step = size / wanted
    rows, columns = (
        np.minimum(summed(step[:, axis] * 0.5, step[:, axis], longest).astype(np.int64), size[:, axis, None] - 1)
        + start[:, axis, None]
        for axis, longest in enumerate(wanted.max(axis=0).tolist())
    )
    return selected(images, rows, columns, wanted)


def _groups(size: Sizes, wanted: Sizes, most: int) -> Iterator[tuple[NDArray[np.int64], tuple[int, int]]]:
    """(rows of the batch, axes in order of the passes): regions of similar sizes together."""
    lost = size - wanted
    down_first = (lost[:, 0] > 0) & (lost[:, 0] > 2 * lost[:, 1])
    for chosen, axes in ((~down_first, (1, 0)), (down_first, (0, 1))):
        rows = np.flatnonzero(chosen)
        if len(rows) > most:
            rows = rows[np.argsort(size[rows].prod(axis=1), kind="stable")]
        yield from ((rows[at : at + most], axes) for at in range(0, len(rows), most))


def _resized(
    images: Images, start: Sizes, size: Sizes, wanted: Sizes, axes: tuple[int, int], kernel: Filter
) -> torch.Tensor:
    first, second = axes
    needed = np.minimum(shifted(start[:, second], int(size[:, second].max())), images.pixels.shape[2 + second] - 1)
    pixels = taken(images.pixels, needed, 2 + second)
    for axis, begin in ((first, start[:, first]), (second, np.zeros_like(start[:, second]))):
        places, weights = taps_of(size[:, axis], wanted[:, axis], kernel, images.device)
        pixels = _pass(pixels, places + on_device(begin, images.device)[:, None], weights, axis)
    return pixels


def _pass(pixels: torch.Tensor, places: torch.Tensor, weights: torch.Tensor, axis: int) -> torch.Tensor:
    """Resamples along an axis of the images: 0 is down the columns, 1 along the rows."""
    count, channels, height, width = pixels.shape
    out = places.shape[1]
    shape = (count, channels, height, out) if axis else (count, channels, out, width)
    sums = torch.full(shape, 1 << (PRECISION_BITS - 1), dtype=torch.int32, device=pixels.device)
    # Rows are copied whole; those of all images and channels are then numbered one after the other.
    planes = torch.arange(count * channels, device=pixels.device).view(count, channels, 1) * height
    lines = pixels.reshape(-1, width)
    for tap, weight in enumerate(weights):
        # Past the end of an image the weights are 0, whatever is there.
        place = (places + tap).clamp_(max=pixels.shape[2 + axis] - 1)
        if axis:
            under = pixels.gather(3, place[:, None, None].expand(shape))
            sums.addcmul_(under.to(torch.int32), weight[:, None, None])
        else:
            under = lines.index_select(0, (planes + place[:, None]).flatten()).view(shape)
            sums.addcmul_(under.to(torch.int32), weight[:, None, :, None])
    return (sums >> PRECISION_BITS).clamp_(0, 255).to(torch.uint8)

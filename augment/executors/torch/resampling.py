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
from .images import Images, Sizes, group_size, on_device
from .selection import shifted, taken

__all__ = ["resized"]


@apply_op.register
def _random_resized_crop(op: RandomResizedCrop, images: Images, drawn: Drawn) -> Images:
    start, size = (
        np.stack([drawn[down], drawn[across]], axis=1).astype(np.int64)
        for down, across in (("y", "x"), ("height", "width"))
    )
    wanted = np.tile(np.array(pair(op.size), np.int64), (len(images), 1))
    return resized(images, start, size, wanted)


@apply_op.register
def _resize(op: Resize, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    if isinstance(op.size, int):
        wanted = short_side_sizes(images.sizes, op.size, op.max_size)
    else:
        wanted = np.tile(np.array(pair(op.size), np.int64), (len(images), 1))
    return resized(images, np.zeros_like(images.sizes), images.sizes, wanted)


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


def resized(images: Images, start: Sizes, size: Sizes, wanted: Sizes) -> Images:
    """Regions of the images, resized.

    Args:
        images: the batch, uint8.
        start: top left corner of each region, as (y, x).
        size: of the regions.
        wanted: sizes of the results.
    """
    height, width = wanted.max(axis=0).tolist()
    pixels = images.pixels.new_empty((len(images), 3, height, width))
    for rows, axes in _groups(size, wanted, group_size(images.device)):
        part = _resized(images.take(rows), start[rows], size[rows], wanted[rows], axes)
        if len(rows) == len(images):
            return Images(part, wanted)
        index = on_device(rows, images.device)
        pixels[:, :, : part.shape[2], : part.shape[3]].index_copy_(0, index, part)
    return Images(pixels, wanted)


def _groups(size: Sizes, wanted: Sizes, most: int) -> Iterator[tuple[NDArray[np.int64], tuple[int, int]]]:
    """(rows of the batch, axes in order of the passes): regions of similar sizes together."""
    lost = size - wanted
    down_first = (lost[:, 0] > 0) & (lost[:, 0] > 2 * lost[:, 1])
    for chosen, axes in ((~down_first, (1, 0)), (down_first, (0, 1))):
        rows = np.flatnonzero(chosen)
        if len(rows) > most:
            rows = rows[np.argsort(size[rows].prod(axis=1), kind="stable")]
        yield from ((rows[at : at + most], axes) for at in range(0, len(rows), most))


def _resized(images: Images, start: Sizes, size: Sizes, wanted: Sizes, axes: tuple[int, int]) -> torch.Tensor:
    first, second = axes
    needed = np.minimum(shifted(start[:, second], int(size[:, second].max())), images.pixels.shape[2 + second] - 1)
    pixels = taken(images.pixels, needed, 2 + second)
    for axis, begin in ((first, start[:, first]), (second, np.zeros_like(start[:, second]))):
        places, weights = taps_of(size[:, axis], wanted[:, axis], images.device)
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


def taps_of(
    given: NDArray[np.int64], wanted: NDArray[np.int64], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each output pixel's filter begins and what its taps weigh.

    Args:
        given, wanted: (n,) lengths before and after.
        device: where to compute.

    Returns:
        (n, longest wanted) int64 first input pixel, and (taps, n, longest wanted) int32 weights with `PRECISION_BITS`
        binary places: those of `augment.executors.resampling`, 0 past the end of either length.
    """
    scale = given / wanted
    support = np.maximum(scale, 1.0)
    numbers = on_device(np.stack([scale, support, 1.0 / support, given, wanted]), device)
    scales, supports, narrowing, ends, outs = numbers[..., None]
    out = torch.arange(int(wanted.max()), device=device, dtype=torch.float64)
    center = (out + 0.5) * scales
    first = (center - supports + 0.5).floor_().clamp_(min=0)
    last = torch.minimum((center + supports + 0.5).floor_(), ends)
    taps = torch.arange(int(2 * support.max()) + 1, device=device, dtype=torch.float64)[:, None, None]
    place = first + taps
    triangle = (1.0 - ((place - center + 0.5) * narrowing).abs_()).clamp_(min=0)
    triangle *= (place < last) & (out < outs)
    # Pillow adds up from left to right; a parallel sum would round otherwise.
    total = torch.zeros_like(first)
    for weight in triangle:
        total += weight
    weights = torch.floor(0.5 + triangle / total.clamp_(min=1e-9) * (1 << PRECISION_BITS))
    return first.to(torch.int64), weights.to(torch.int32)

"""The two passes of a resize over regions of a batch: one along the rows, one down the columns.

A pass adds up whole lines of pixels: rows of a channel, or columns with all their channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .filters import Filter, Taps, taps_of
from .images import Images, Sizes, on_device, portions
from .sums import summed_lines, with_ones

__all__ = ["Regions", "put_resized"]

MULTIPLE = 16
"""Lengths of lines are multiples of it where they may: `embedding_bag` compiles a kernel for every length on CPUs."""

STACKS = (3, 1)
"""Of the lines of an image, by axis: rows stay with those of their channel, and columns are those of all channels."""


class Regions(NamedTuple):
    """Rectangles of images.

    Attributes:
        rows: (n,) places of their images in the batch.
        start: top left corners, as (y, x).
        size: heights and widths.
    """

    rows: NDArray[np.int64]
    start: Sizes
    size: Sizes


class Window(NamedTuple):
    """Rectangles of one size around regions of images that are worked on together.

    Attributes:
        some: which regions.
        corner: (n, 2) top left corner of each, as (y, x).
        size: (2,) height and width of all.
    """

    some: slice
    corner: Sizes
    size: NDArray[np.int64]


def put_resized(
    result: torch.Tensor, images: Images, regions: Regions, wanted: Sizes, axes: Sequence[int], kernel: Filter
) -> None:
    """Writes the regions, resized, into the places of their images in a result.

    Args:
        result: (n, 3, height, width) uint8, of all images of the batch.
        images: the batch, uint8.
        regions: what of it is seen.
        wanted: sizes of the results.
        axes: in order of the passes; 0 is down the columns, 1 along the rows.
        kernel: the filter.
    """
    areas = np.maximum(regions.size.prod(axis=1), wanted.prod(axis=1))
    whole = np.array(images.pixels.shape[2:])
    windows = [_window(regions, some, whole, 1 - axes[0]) for some in portions(areas, images.device)]
    taps = [
        taps_of(regions.size[:, axis], wanted[:, axis], _before(regions, windows, axis), kernel, images.device)
        for axis in (0, 1)
    ]
    height, width = wanted.max(axis=0).tolist()
    for window in windows:
        rows = regions.rows[window.some]
        pixels = _cut(images.pixels, rows, window)
        for axis in axes:
            pixels = _pass(pixels, taps[axis].part(window.some), axis)
        _put(result[:, :, :height, :width], rows, pixels)


def _put(result: torch.Tensor, rows: NDArray[np.int64], pixels: torch.Tensor) -> None:
    """Writes the pixels of images into these places of a batch."""
    first, count = int(rows[0]), len(rows)
    if np.array_equal(rows, np.arange(first, first + count)):
        result[first : first + count] = pixels
    else:
        result.index_copy_(0, on_device(rows, result.device), pixels)


def _window(regions: Regions, some: slice, whole: NDArray[np.int64], lengthwise: int) -> Window:
    """The smallest window around some regions, a little larger along the axis of the first pass's lines."""
    size = regions.size[some].max(axis=0)
    size[lengthwise] = min(-(-size[lengthwise] // MULTIPLE) * MULTIPLE, whole[lengthwise])
    return Window(some, np.minimum(regions.start[some], whole - size), size)


def _before(regions: Regions, windows: Sequence[Window], axis: int) -> NDArray[np.int64]:
    """(n, 1 or 3) how many lines of its window's images are before each region's, of its channels if rows are lines."""
    before = []
    for window in windows:
        begins = np.arange(len(window.corner) * STACKS[axis]) * window.size[axis]
        inset = regions.start[window.some, axis] - window.corner[:, axis]
        before.append(begins.reshape(-1, STACKS[axis]) + inset[:, None])
    return np.concatenate(before)


def _cut(pixels: torch.Tensor, rows: NDArray[np.int64], window: Window) -> torch.Tensor:
    """(n, 3, height, width) uint8: what the window shows of the images in these places of the batch."""
    (height, width), (full_height, full_width) = window.size.tolist(), pixels.shape[2:]
    if len(rows) == 1:
        row, (y, x) = int(rows[0]), window.corner[0].tolist()
        return pixels[row : row + 1, :, y : y + height, x : x + width]
    corner = window.corner.T
    first = on_device((rows * 3 * full_height + corner[0]) * full_width + corner[1], pixels.device)
    channels, down = (torch.arange(length, device=pixels.device) for length in (3, height))
    lines = first[:, None, None] + (channels[:, None] * full_height + down) * full_width
    # Every run of as many pixels in memory is a line of this view.
    runs = pixels.contiguous().view(-1).unfold(0, width, 1)
    return runs.index_select(0, lines.flatten()).view(-1, 3, height, width)


def _pass(pixels: torch.Tensor, taps: Taps, axis: int) -> torch.Tensor:
    """(n, 3, height, width) uint8 pixels that are resampled along the axis."""
    count, other = len(pixels), pixels.shape[3 - axis]
    lines = with_ones(pixels.permute(0, 3, 1, 2)) if axis else with_ones(pixels, 3)
    sums = summed_lines(lines, taps.places.flatten(0, 2), taps.weights.flatten(0, 2), clip=taps.overshoot)
    return sums.view(count, -1, 3, other).permute(0, 2, 3, 1) if axis else sums.view(count, 3, -1, other)

"""The two passes of a resize over regions of a batch: one along the rows, one down the columns.

A pass adds up whole lines of pixels, rows or columns with all their channels.
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

__all__ = ["Regions", "passed"]

MULTIPLE = 16
"""Lengths of lines are multiples of it where they may: `embedding_bag` compiles a kernel for every length on CPUs."""


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

    def part(self, some: slice) -> Regions:
        return Regions(self.rows[some], self.start[some], self.size[some])


def passed(images: Images, regions: Regions, wanted: Sizes, axes: Sequence[int], kernel: Filter) -> torch.Tensor:
    """(n, 3, height, width) uint8: the regions, resized.

    Args:
        images: the batch, uint8.
        regions: what of it is seen.
        wanted: sizes of the results.
        axes: in order of the passes; 0 is down the columns, 1 along the rows.
        kernel: the filter.
    """
    taps = [taps_of(regions.size[:, axis], wanted[:, axis], kernel, images.device) for axis in (0, 1)]
    result = images.pixels.new_empty((len(wanted), 3, *wanted.max(axis=0).tolist()))
    areas = np.maximum(regions.size.prod(axis=1), wanted.prod(axis=1))
    for some in portions(areas, images.device):
        pixels, offsets = _cut(images.pixels, regions.part(some))
        for axis in axes:
            pixels = _pass(pixels, taps[axis].part(some), offsets[axis], axis)
        result[some] = pixels
    return result


def _cut(pixels: torch.Tensor, regions: Regions) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of one size around the regions, and where those begin.

    Returns:
        (n, 3, height, width) uint8, and (2, n, 1, 1, 1) int64: the number of each region's first line along both axes
        among the lines of all windows, from 1.
    """
    whole = np.array(pixels.shape[2:])
    size = np.minimum(-(-regions.size.max(axis=0) // MULTIPLE) * MULTIPLE, whole)
    corner = np.minimum(regions.start, whole - size)
    (height, width), (full_height, full_width) = size.tolist(), whole.tolist()
    first = (regions.rows * 3 * full_height + corner[:, 0]) * full_width + corner[:, 1]
    offsets = 1 + np.arange(len(first))[:, None] * size + regions.start - corner
    numbers = on_device(np.stack([first, *offsets.T]), pixels.device)[..., None, None]
    channels, rows = (torch.arange(length, device=pixels.device) for length in (3, height))
    lines = numbers[0] + (channels[:, None] * full_height + rows) * full_width
    # Every run of as many pixels in memory is a line of this view.
    runs = pixels.contiguous().view(-1).unfold(0, width, 1)
    return runs.index_select(0, lines.flatten()).view(-1, 3, height, width), numbers[1:, ..., None]


def _pass(pixels: torch.Tensor, taps: Taps, offsets: torch.Tensor, axis: int) -> torch.Tensor:
    """(n, 3, height, width) int32 levels of pixels that are resampled along the axis."""
    count, other = len(pixels), pixels.shape[3 - axis]
    lines = with_ones(pixels.permute(0, 2 + axis, 1, 3 - axis))
    places = (taps.places + offsets).clamp_(min=0)
    sums = summed_lines(lines, places.flatten(0, 1), taps.weights.flatten(0, 1), clip=taps.overshoot)
    return (
        sums.view(count, -1, 3, other).permute(0, 2, 3, 1) if axis else sums.view(count, -1, 3, other).transpose(1, 2)
    )

"""Images looked at in arbitrary places: `PIL.Image.Image.transform`'s filters on batches, in float64 as there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .images import Images, on_device, per_sample

__all__ = ["sampled", "seen"]


def seen(images: Images, x: torch.Tensor, y: torch.Tensor, fill: NDArray[np.uint8]) -> torch.Tensor:
    """(n, 3, height, width) uint8: the pixels that hold these places, or the fill's colour.

    Args:
        images: uint8.
        x, y: (n, 1, height, width) float64 places, or int64 columns and rows.
        fill: R, G, B.
    """
    inside = _inside(images, x, y)
    columns, rows = (torch.where(inside, place, 0).to(torch.int64) for place in (x, y))
    return _filled(_pixels(images.pixels, rows, columns), inside, fill)


def sampled(
    images: Images, x: torch.Tensor, y: torch.Tensor, interpolation: str, fill: NDArray[np.uint8]
) -> torch.Tensor:
    """As `seen`, interpolated between pixels' centres; "bilinear" or "bicubic"; fractions are cut off."""
    inside = _inside(images, x, y)
    x, y = (torch.where(inside, place, 0.5) - 0.5 for place in (x, y))
    left, top = x.floor(), y.floor()
    combined, offsets = (_linear, (0, 1)) if interpolation == "bilinear" else (_cubic, (-1, 0, 1, 2))
    last_row, last_column = (per_sample(side - 1, images.device) for side in images.sizes.T)
    columns = [_clipped(left, offset, last_column) for offset in offsets]
    across, lines = x - left, []
    for offset in offsets:
        row = _clipped(top, offset, last_row)
        values = [_pixels(images.pixels, row, column).to(torch.float64) for column in columns]
        lines.append(combined(values, across))
    return _filled(combined(lines, y - top).clamp_(0, 255).to(torch.uint8), inside, fill)


def _inside(images: Images, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    height, width = (per_sample(side, images.device) for side in images.sizes.T)
    return (x >= 0) & (x < width) & (y >= 0) & (y < height)


def _clipped(first: torch.Tensor, offset: int, last: torch.Tensor) -> torch.Tensor:
    return torch.minimum((first.to(torch.int64) + offset).clamp_(min=0), last)


def _pixels(pixels: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """The pixels in these (n, 1, height, width) rows and columns."""
    index = (rows * pixels.shape[3] + columns).flatten(2)
    return pixels.flatten(2).gather(2, index.expand(-1, 3, -1)).view(-1, 3, *rows.shape[2:])


def _filled(pixels: torch.Tensor, inside: torch.Tensor, fill: NDArray[np.uint8]) -> torch.Tensor:
    return torch.where(inside, pixels, on_device(fill, pixels.device)[:, None, None])


def _linear(values: Sequence[torch.Tensor], share: torch.Tensor) -> torch.Tensor:
    return values[0] + (values[1] - values[0]) * share


def _cubic(values: Sequence[torch.Tensor], share: torch.Tensor) -> torch.Tensor:
    """Pillow's cubic, at `share` of the way from the second value to the third."""
    first, second, third, fourth = values
    p2 = third - first
    p3 = 2 * (first - second) + third - fourth
    p4 = second - first - third + fourth
    return second + share * (p2 + share * (p3 + share * p4))

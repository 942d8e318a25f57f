"""Weights of Pillow's resizing filters, of all samples at once: those of `augment.executors.resampling`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..resampling import PRECISION_BITS
from .images import on_device
from .sums import split

__all__ = ["FILTERS", "Filter", "Taps", "taps_of"]


class Filter(NamedTuple):
    """A filter around 0.

    Attributes:
        support: how far it reaches, in pixels of the larger image.
        heights: its values at float64 distances.
        overshoots: some of its values are negative.
    """

    support: float
    heights: Callable[[torch.Tensor], torch.Tensor]
    overshoots: bool = False


def _box(x: torch.Tensor) -> torch.Tensor:
    return ((x > -0.5) & (x <= 0.5)).to(x.dtype)


def _triangle(x: torch.Tensor) -> torch.Tensor:
    return (1.0 - x.abs()).clamp_(min=0)


def _hamming(x: torch.Tensor) -> torch.Tensor:
    # Pillow's constants are floats.
    raised = float(np.float32(0.54)) + float(np.float32(0.46)) * (x.abs() * math.pi).cos()
    return (_sinc(x.abs()) * raised).masked_fill_(x.abs() >= 1, 0).masked_fill_(x == 0, 1)


def _cubic(x: torch.Tensor) -> torch.Tensor:
    x, a = x.abs(), -0.5
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return torch.where(x < 1, near, far.masked_fill_(x >= 2, 0))


def _sinc(x: torch.Tensor) -> torch.Tensor:
    angle = x * math.pi
    return (angle.sin() / angle.masked_fill(x == 0, 1)).masked_fill_(x == 0, 1)


def _lanczos(x: torch.Tensor) -> torch.Tensor:
    # A division by a Python number becomes a product with its reciprocal on a GPU, which rounds otherwise.
    third = x / torch.full_like(x, 3.0)
    return (_sinc(x) * _sinc(third)).masked_fill_((x < -3) | (x >= 3), 0)


FILTERS: dict[str, Filter] = {
    "bilinear": Filter(1.0, _triangle),
    "bicubic": Filter(2.0, _cubic, overshoots=True),
    "box": Filter(0.5, _box),
    "hamming": Filter(1.0, _hamming),
    "lanczos": Filter(3.0, _lanczos, overshoots=True),
}


class Taps(NamedTuple):
    """Filters along an axis, of n images and all their `out` pixels.

    Attributes:
        places: (n, stacks, out, 1 or 2, 1 + taps) int32 lines under each, from 1; 0, the line of ones, is first.
        weights: of the same shape, as `summed_lines` takes them.
        counts: (n,) how many taps an image has, on the host.
        overshoot: sums may be below or above all levels under a filter.
    """

    places: torch.Tensor
    weights: torch.Tensor
    counts: NDArray[np.int64]
    overshoot: bool

    def part(self, some: slice) -> Taps:
        """Those of some of the images, with as few taps as they need."""
        counts = self.counts[some]
        places, weights = (each[some, ..., : 1 + counts.max()] for each in (self.places, self.weights))
        return self._replace(places=places, weights=weights, counts=counts)


def taps_of(
    given: NDArray[np.int64], wanted: NDArray[np.int64], before: NDArray[np.int64], kernel: Filter, device: torch.device
) -> Taps:
    """The taps that make lengths others, computed on the device.

    Args:
        given, wanted: (n,) lengths.
        before: (n, stacks) how many lines are before those that are given; every stack has the same taps.
        kernel: the filter.
        device: where.
    """
    scale = given / wanted
    widening = np.maximum(scale, 1.0)
    support = kernel.support * widening
    numbers = on_device(np.stack([scale, support, 1.0 / widening, given, wanted, *before.T]), device)
    scales, supports, narrowing, ends, outs, *begins = numbers[..., None]
    out = torch.arange(int(wanted.max()), device=device, dtype=torch.float64)
    center = (out + 0.5) * scales
    first = (center - supports + 0.5).floor_().clamp_(min=0)
    last = torch.minimum((center + supports + 0.5).floor_(), ends)
    counts = (2 * support).astype(np.int64) + 1
    taps = torch.arange(int(counts.max()), device=device, dtype=torch.float64)[:, None, None]
    place = first + taps
    heights = kernel.heights((place - center + 0.5) * narrowing)
    heights *= (place < last) & (out < outs)
    # Pillow adds up from left to right; a parallel sum would round otherwise.
    total = torch.zeros_like(first)
    for height in heights:
        total += height
    shares = heights / total.masked_fill_(out >= outs, 1) * (1 << PRECISION_BITS)
    weights = (shares + torch.where(shares < 0, -0.5, 0.5).to(shares.dtype)).trunc_()
    parts = split(weights.permute(1, 2, 0))[:, None].expand(-1, len(begins), -1, -1, -1)
    # Past the end of an image weights are 0, whatever is there.
    lines = torch.minimum(place, ends - 1) + 1
    places = parts.new_zeros(parts.shape, dtype=torch.int32)
    for stack, begin in enumerate(begins):
        places[:, stack, ..., 1:] = (lines + begin).permute(1, 2, 0).unsqueeze(2)
    return Taps(places, parts, counts, kernel.overshoots)

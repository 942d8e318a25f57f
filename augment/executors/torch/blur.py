"""Gaussian blur by shifted copies, with the float32 sums of `augment.executors.colours` in their order."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ..colours import NEGLIGIBLE_WEIGHT
from .images import Images, on_device
from .selection import repeated, shifted, taken

__all__ = ["gaussian_blur"]


def gaussian_blur(images: Images, kernel_size: tuple[int, int], sigmas: NDArray[np.float64]) -> torch.Tensor:
    """torchvision's `gaussian_blur` in two passes of float32: along the rows, then down the columns.

    Args:
        images: uint8.
        kernel_size: (width, height) of the kernel, odd.
        sigmas: (n,) in pixels.
    """
    pixels = images.pixels.to(torch.float32)
    for axis, taps in ((1, kernel_size[0]), (0, kernel_size[1])):
        pixels = _weighted(pixels, images.sizes[:, axis], half_kernels(taps, sigmas), 2 + axis)
    return pixels.round_().clamp_(0, 255).to(torch.uint8)


def half_kernels(taps: int, sigmas: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, radius + 1): kernels from their middle to the last weight that counts in any of them, 0 where none does.

    The whole of each sums up to 1.
    """
    radius = taps // 2
    exponents = -((np.arange(-radius, radius + 1) / sigmas[:, None]) ** 2) / 2
    # Python's `exp`, as in the reference: numpy's may differ in the last bit.
    weights = np.array([math.exp(exponent) for exponent in exponents.ravel().tolist()]).reshape(exponents.shape)
    halves: NDArray[np.float32] = (weights[:, radius:] / weights.cumsum(axis=1)[:, -1:]).astype(np.float32)
    counts = halves >= NEGLIGIBLE_WEIGHT
    return np.where(counts, halves, np.float32(0))[:, counts.any(axis=0)]


def _weighted(pixels: torch.Tensor, sizes: NDArray[np.int64], weights: NDArray[np.float32], axis: int) -> torch.Tensor:
    radius, length = weights.shape[1] - 1, pixels.shape[axis]
    places = shifted(np.full(len(sizes), -radius, np.int64), length + 2 * radius)
    padded = taken(pixels, repeated(places, sizes, "reflect"), axis)
    middle, *others = on_device(weights.T, pixels.device)[..., None, None, None]
    result: torch.Tensor = padded.narrow(axis, radius, length) * middle
    for distance, weight in enumerate(others, start=1):
        neighbours = padded.narrow(axis, radius - distance, length) + padded.narrow(axis, radius + distance, length)
        result += neighbours.mul_(weight)
    return result

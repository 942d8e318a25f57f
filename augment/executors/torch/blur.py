"""Gaussian blur as products with matrices, one of each axis for each sample, which hold kernel and reflection."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .images import Images, on_device
from .selection import repeated, shifted

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
        length = images.pixels.shape[2 + axis]
        pixels = _transformed(pixels, _matrices(images.sizes[:, axis], length, taps, sigmas, images.device), axis)
    return pixels.round_().clamp_(0, 255).to(torch.uint8)


def _transformed(pixels: torch.Tensor, matrices: torch.Tensor, axis: int) -> torch.Tensor:
    """Each image's columns (axis 0) or rows (axis 1) times its matrix."""
    if axis == 0:
        return torch.matmul(matrices[:, None], pixels)
    count, _, _, width = pixels.shape
    return torch.bmm(pixels.reshape(count, -1, width), matrices.transpose(1, 2)).view(pixels.shape)


def _matrices(
    sizes: NDArray[np.int64], length: int, taps: int, sigmas: NDArray[np.float64], device: torch.device
) -> torch.Tensor:
    """(n, length, length) float32: what each pixel counts in each blurred one."""
    radius = taps // 2
    distance = np.arange(-radius, radius + 1)
    weights = np.exp(-((distance / sigmas[:, None]) ** 2) / 2)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    # (n, length + 2 * radius) sources of the reflected image; pixel p is made of those from p to p + 2 * radius.
    places = shifted(np.full(len(sizes), -radius, np.int64), length + 2 * radius)
    sources = on_device(repeated(places, sizes, "reflect"), device)
    index = sources.unfold(1, taps, 1)
    matrices = torch.zeros((len(sizes), length, length), dtype=torch.float32, device=device)
    return matrices.scatter_add_(2, index, on_device(weights, device)[:, None].expand(index.shape))

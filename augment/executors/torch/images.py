"""A batch of images of one or several sizes as one tensor, and how numbers get to its device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["Images", "Sizes", "assembled", "changed", "group_size", "on_device", "per_sample"]

Sizes: TypeAlias = NDArray[np.int64]
"""(n, 2) heights and widths, on the host: shapes must never be asked of the device, which would have to wait."""


@dataclass(frozen=True)
class Images:
    """n images in one tensor, each in the top left corner of its place.

    Attributes:
        pixels: (n, 3, height, width), uint8, or float32 from `ToDtype` on; never written to. What is outside a
            smaller image is arbitrary.
        sizes: of each image.
    """

    pixels: torch.Tensor
    sizes: Sizes

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def device(self) -> torch.device:
        return self.pixels.device

    @property
    def is_even(self) -> bool:
        """Whether all images fill their place."""
        return bool((self.sizes == self.pixels.shape[2:]).all())

    def inside(self, border: int = 0) -> torch.Tensor:
        """(n, 1, height, width) bool: which pixels are of an image, and at least `border` from its edges."""
        height, width = self.pixels.shape[2:]
        y, x = (torch.arange(length, device=self.device) for length in (height, width))
        bottom, right = (per_sample(side - border, self.device) for side in self.sizes.T)
        rows = (y >= border)[:, None] & (y[:, None] < bottom)
        columns = (x >= border) & (x < right)
        return rows & columns

    def take(self, rows: NDArray[np.int64]) -> Images:
        """The images at these places of the batch."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        return Images(self.pixels.index_select(0, on_device(rows, self.device)), self.sizes[rows])

    def trimmed(self) -> Images:
        """The same images in a tensor no larger than the largest of them."""
        height, width = self.sizes.max(axis=0).tolist()
        return Images(self.pixels[:, :, :height, :width], self.sizes)

    def with_pixels(self, pixels: torch.Tensor) -> Images:
        """Other pixels for images of the same sizes."""
        return replace(self, pixels=pixels)


def assembled(parts: Sequence[tuple[NDArray[np.int64], Images]]) -> Images:
    """One batch of several.

    Args:
        parts: images of any sizes and the places in the batch that they get; each place once.
    """
    if len(parts) == 1:
        return parts[0][1]
    sizes = np.empty((sum(len(rows) for rows, _ in parts), 2), np.int64)
    for rows, part in parts:
        sizes[rows] = part.sizes
    height, width = sizes.max(axis=0).tolist()
    pixels = parts[0][1].pixels.new_empty((len(sizes), 3, height, width))
    for rows, part in parts:
        smaller = part.trimmed().pixels
        pixels[:, :, : smaller.shape[2], : smaller.shape[3]].index_copy_(0, on_device(rows, part.device), smaller)
    return Images(pixels, sizes)


def on_device(numbers: NDArray[Any], device: torch.device) -> torch.Tensor:
    """The numbers on the device; the host does not wait for it. On the CPU they may share their memory."""
    tensor = torch.from_numpy(np.require(numbers, requirements=["C", "W"]))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def per_sample(numbers: NDArray[Any], device: torch.device) -> torch.Tensor:
    """(n,) numbers as (n, 1, 1, 1) on the device, to be combined with pixels."""
    return on_device(numbers, device)[:, None, None, None]


def changed(
    images: Images, chosen: NDArray[Any], change: Callable[[Images, NDArray[np.int64]], torch.Tensor]
) -> Images:
    """The images, those of them that are chosen with other pixels and the size they had.

    Which they are is known on the host, so that the device is never asked, and nothing is computed in vain.

    Args:
        images: the batch, uint8.
        chosen: (n,) 0 or 1 (or bool) for each image.
        change: called with chosen images and their places in the batch, some at a time, and gives uint8 pixels.
    """
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return images
    most = group_size(images.device)
    if len(rows) == len(images) <= most:
        return images.with_pixels(change(images, rows))
    pixels = images.pixels.clone(memory_format=torch.contiguous_format)
    for group in (rows[first : first + most] for first in range(0, len(rows), most)):
        pixels.index_copy_(0, on_device(group, images.device), change(images.take(group), group))
    return images.with_pixels(pixels)


def group_size(device: torch.device) -> int:
    """How many images are worked on together: few on a CPU, so that they stay in its cache.

    Other devices want much work at a time, but also memory for numbers of 8 bytes in the place of pixels.
    """
    return 4 if device.type == "cpu" else 64

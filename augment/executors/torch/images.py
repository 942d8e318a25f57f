"""A batch of images of one or several sizes as one tensor, and how numbers get to its device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

__all__ = ["Images", "Sizes", "all_on_device", "assembled", "changed", "on_device", "per_sample", "portions"]

TOGETHER_ON_CPU = 1 << 17
"""Places of pixels."""

TOGETHER = 1 << 23

ALIGNMENT = 16
"""Bytes; of any number that is sent."""

Sizes: TypeAlias = NDArray[np.int64]
"""(n, 2) heights and widths, on the host: shapes must never be asked of the device, which would have to wait."""


@dataclass(frozen=True)
class Images:
    """n images in one tensor, each in the top left corner of its place.

    Attributes:
        pixels: (n, 3, height, width), uint8, never written to; or float32 from `ToDtype` on, which the next op may
            write to. What is outside a smaller image is arbitrary.
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

    @property
    def areas(self) -> NDArray[np.int64]:
        """(n,) how many pixels the place of each has."""
        return np.full(len(self), self.pixels.shape[2] * self.pixels.shape[3])

    def inside(self, border: int = 0) -> torch.Tensor:
        """(n, 1, height, width) bool: which pixels are of an image, and at least `border` from its edges."""
        height, width = self.pixels.shape[2:]
        y, x = (torch.arange(length, device=self.device) for length in (height, width))
        bottom, right = (per_sample(side - border, self.device) for side in self.sizes.T)
        rows = (y >= border)[:, None] & (y[:, None] < bottom)
        columns = (x >= border) & (x < right)
        return rows & columns

    def part(self, some: slice) -> Images:
        """Some that follow each other in the batch."""
        return Images(self.pixels[some], self.sizes[some])

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
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    sizes = np.concatenate([part.sizes for _, part in parts])
    if len(parts) == 1:
        return parts[0][1].take(order)
    height, width = sizes.max(axis=0).tolist()
    pixels = torch.cat([_padded(part.trimmed().pixels, height, width) for _, part in parts])
    return Images(pixels, sizes).take(order)


def _padded(pixels: torch.Tensor, height: int, width: int) -> torch.Tensor:
    missing = (0, width - pixels.shape[3], 0, height - pixels.shape[2])
    return pad(pixels, missing) if any(missing) else pixels


def on_device(numbers: NDArray[Any], device: torch.device) -> torch.Tensor:
    """The numbers on the device; the host does not wait for it. On the CPU they may share their memory."""
    tensor = torch.from_numpy(np.require(numbers, requirements=["C", "W"]))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def all_on_device(arrays: Sequence[NDArray[Any]], device: torch.device) -> list[torch.Tensor]:
    """As `on_device`, of several in one copy."""
    begins = np.cumsum([0, *(-(-array.nbytes // ALIGNMENT) * ALIGNMENT for array in arrays)]).tolist()
    packed = np.zeros(begins[-1], np.uint8)
    for begin, array in zip(begins, arrays, strict=False):
        packed[begin : begin + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    there = on_device(packed, device)
    return [
        there[begin : begin + array.nbytes].view(torch.from_numpy(array[:0]).dtype).view(array.shape)
        for begin, array in zip(begins, arrays, strict=False)
    ]


def per_sample(numbers: NDArray[Any], device: torch.device) -> torch.Tensor:
    """(n,) numbers as (n, 1, 1, 1) on the device, to be combined with pixels."""
    return on_device(numbers, device)[:, None, None, None]


def changed(
    images: Images, chosen: NDArray[Any], change: Callable[..., torch.Tensor], *numbers: NDArray[Any]
) -> Images:
    """The images, those of them that are chosen with other pixels and the size they had.

    Which they are is known on the host, so that the device is never asked, and nothing is computed in vain.

    Args:
        images: the batch, uint8.
        chosen: (n,) 0 or 1 (or bool) for each image.
        change: called with chosen images, their places in the batch, and their numbers, some at a time; gives uint8
            pixels.
        numbers: (n,) or (n, 3) each, of all images; go to the device together, as (n, 1, 1, 1) or (n, 3, 1, 1).
    """
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return images
    source = np.arange(len(images))
    source[rows] = np.arange(len(images), len(images) + len(rows))
    columns = [column[rows].reshape(*column[rows].shape, *(1,) * (4 - column.ndim)) for column in numbers]
    index, order, *columns_there = all_on_device([rows, source, *columns], images.device)
    everywhere = len(rows) == len(images)
    parts = []
    for some in portions(images.areas[rows], images.device):
        part = (
            images.part(some)
            if everywhere
            else Images(images.pixels.index_select(0, index[some]), images.sizes[rows[some]])
        )
        parts.append(change(part, rows[some], *(column[some] for column in columns_there)))
    if everywhere:
        return images.with_pixels(torch.cat(parts) if len(parts) > 1 else parts[0])
    # On a CPU several times as fast as copying into some of the rows.
    return images.with_pixels(torch.cat([images.pixels, *parts]).index_select(0, order))


def portions(areas: NDArray[np.int64], device: torch.device) -> Iterator[slice]:
    """Which images are worked on together: few on a CPU, so that they stay in its cache.

    Other devices want much work at a time, but also memory for numbers of 8 bytes in the place of pixels.

    Args:
        areas: (n,) how many pixels each has.
        device: where.
    """
    most = TOGETHER_ON_CPU if device.type == "cpu" else TOGETHER
    begin = 0
    for end in range(1, len(areas) + 1):
        if end == len(areas) or areas[begin : end + 1].max() * (end + 1 - begin) > most:
            yield slice(begin, end)
            begin = end

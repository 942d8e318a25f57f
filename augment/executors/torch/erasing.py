"""Ops that write over parts of finished results, and those that the loader does to finished batches."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import CutMix, Cutout, MixUp, Op, RandomErasing
from .dispatch import Drawn, apply_op
from .images import Images, changed, on_device
from .noise import normal_noise

__all__: list[str] = []

BOX = ("x", "y", "width", "height")
"""What a rectangle is drawn as."""


@apply_op.register
def _random_erasing(op: RandomErasing, images: Images, drawn: Drawn) -> Images:
    box = [drawn[name] for name in BOX]

    def erased(part: Images, rows: NDArray[np.int64], *own: torch.Tensor) -> torch.Tensor:
        if isinstance(op.value, str):
            keys = np.stack([drawn["noise_0"][rows], drawn["noise_1"][rows]], axis=1).astype(np.uint64)
            return torch.where(_covered(part, own), normal_noise(keys, _numbers(part, own)), part.pixels)
        return torch.where(_covered(part, own), _colour(op.value, part), part.pixels)

    return changed(images, drawn["apply"], erased, *box)


@apply_op.register
def _cutout(op: Cutout, images: Images, drawn: Drawn) -> Images:
    pixels, colour = images.pixels, _colour(op.value, images)
    boxes = np.stack([drawn[f"{name}_{hole}"] for hole in range(op.n_holes) for name in BOX])
    numbers = on_device(boxes.reshape(op.n_holes, len(BOX), -1), images.device)[..., None, None, None]
    for box in numbers:
        pixels = torch.where(_covered(images, box), colour, pixels)
    return images.with_pixels(pixels)


@apply_op.register(MixUp)
@apply_op.register(CutMix)
def _mixing(op: Op, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (labels are mixed too, by the loader)
    return images


def _covered(images: Images, box: Iterable[torch.Tensor]) -> torch.Tensor:
    """(n, 1, height, width) bool: which pixels lie in the rectangle of their image."""
    y, x = _axes(images)
    left, top, width, height = box
    return (y >= top) & (y < top + height) & (x >= left) & (x < left + width)


def _numbers(images: Images, box: Iterable[torch.Tensor]) -> torch.Tensor:
    """(n, 1, height, width) int64: places of pixels along the rows of their image's rectangle; 0 before it."""
    y, x = _axes(images)
    left, top, width, _ = (number.to(torch.int64) for number in box)
    return ((y - top) * width + (x - left)).clamp_(min=0)


def _axes(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    y, x = (torch.arange(length, device=images.device) for length in images.pixels.shape[2:])
    return y[:, None], x


def _colour(value: object, images: Images) -> torch.Tensor:
    return on_device(np.array(value, np.float32), images.device).to(images.pixels.dtype)[:, None, None]

"""Ops that write over parts of finished results, and those that the loader does to finished batches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import CutMix, Cutout, MixUp, Op, RandomErasing
from .dispatch import Drawn, apply_op
from .images import Images, changed, on_device, per_sample
from .noise import normal_noise

__all__: list[str] = []


@apply_op.register
def _random_erasing(op: RandomErasing, images: Images, drawn: Drawn) -> Images:
    def erased(part: Images, rows: NDArray[np.int64]) -> torch.Tensor:
        box = {name: column[rows] for name, column in drawn.items()}
        if isinstance(op.value, str):
            keys = np.stack([box["noise_0"], box["noise_1"]], axis=1).astype(np.uint64)
            return torch.where(_covered(part, box), normal_noise(keys, _numbers(part, box)), part.pixels)
        return torch.where(_covered(part, box), _colour(op.value, part), part.pixels)

    return changed(images, drawn["apply"], erased)


@apply_op.register
def _cutout(op: Cutout, images: Images, drawn: Drawn) -> Images:
    pixels, colour = images.pixels, _colour(op.value, images)
    for hole in range(op.n_holes):
        box = {name: drawn[f"{name}_{hole}"] for name in ("x", "y", "width", "height")}
        pixels = torch.where(_covered(images, box), colour, pixels)
    return images.with_pixels(pixels)


@apply_op.register(MixUp)
@apply_op.register(CutMix)
def _mixing(op: Op, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (labels are mixed too, by the loader)
    return images


def _covered(images: Images, box: Mapping[str, NDArray[np.float64]]) -> torch.Tensor:
    """(n, 1, height, width) bool: which pixels lie in the rectangle of their image."""
    y, x = _axes(images)
    left, top, width, height = (per_sample(box[name], images.device) for name in ("x", "y", "width", "height"))
    return (y >= top) & (y < top + height) & (x >= left) & (x < left + width)


def _numbers(images: Images, box: Mapping[str, NDArray[np.float64]]) -> torch.Tensor:
    """(n, 1, height, width) int64: places of pixels along the rows of their image's rectangle; 0 before it."""
    y, x = _axes(images)
    left, top, width = (per_sample(box[name].astype(np.int64), images.device) for name in ("x", "y", "width"))
    return ((y - top) * width + (x - left)).clamp_(min=0)


def _axes(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    y, x = (torch.arange(length, device=images.device) for length in images.pixels.shape[2:])
    return y[:, None], x


def _colour(value: object, images: Images) -> torch.Tensor:
    return on_device(np.array(value, np.float32), images.device).to(images.pixels.dtype)[:, None, None]

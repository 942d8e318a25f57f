"""Ops that move pixels and leave their values as they are."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import CenterCrop, Pad, RandomCrop, RandomHorizontalFlip, RandomVerticalFlip
from ...ops.arguments import pair
from .dispatch import Drawn, apply_op
from .images import Images, Sizes, changed
from .selection import mirrored, repeated, selected, shifted

__all__: list[str] = []


def _all_of(size: tuple[int, int], count: int) -> Sizes:
    return np.tile(np.array(size, np.int64), (count, 1))


@apply_op.register
def _center_crop(op: CenterCrop, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    size = np.array(pair(op.size))
    missing = np.maximum(size - images.sizes, 0)
    # numpy rounds halves to the even neighbour, as Python does in torchvision.
    start = np.rint((images.sizes + missing - size) / 2).astype(np.int64) - missing // 2
    rows, columns = (shifted(start[:, axis], size[axis]) for axis in (0, 1))
    return selected(images, rows, columns, _all_of(pair(op.size), len(images)))


@apply_op.register
def _random_crop(op: RandomCrop, images: Images, drawn: Drawn) -> Images:
    height, width = pair(op.size)
    rows = repeated(shifted(drawn["y"].astype(np.int64), height), images.sizes[:, 0], op.padding_mode)
    columns = repeated(shifted(drawn["x"].astype(np.int64), width), images.sizes[:, 1], op.padding_mode)
    fill = np.array(op.fill, np.float64).tolist()
    return selected(images, rows, columns, _all_of((height, width), len(images)), fill)


@apply_op.register
def _pad(op: Pad, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    left, top, right, bottom = np.array(op.padding).tolist()
    sizes = images.sizes + np.array([top + bottom, left + right])
    height, width = sizes.max(axis=0).tolist()
    rows = repeated(np.tile(np.arange(height) - top, (len(images), 1)), images.sizes[:, 0], op.padding_mode)
    columns = repeated(np.tile(np.arange(width) - left, (len(images), 1)), images.sizes[:, 1], op.padding_mode)
    return selected(images, rows, columns, sizes, np.array(op.fill, np.float64).tolist())


@apply_op.register
def _random_horizontal_flip(op: RandomHorizontalFlip, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return flipped(images, drawn["flip"], 3)


@apply_op.register
def _random_vertical_flip(op: RandomVerticalFlip, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (all is drawn)
    return flipped(images, drawn["flip"], 2)


def flipped(images: Images, chosen: NDArray[np.float64], axis: int) -> Images:
    """The images, those of them that are chosen mirrored along the axis, 2 or 3."""
    return changed(images, chosen, lambda part, _: _mirror(part, axis))


def _mirror(images: Images, axis: int) -> torch.Tensor:
    if images.is_even:
        return images.pixels.flip(axis)
    places = [shifted(np.zeros(len(images), np.int64), length) for length in images.pixels.shape[2:]]
    places[axis - 2] = mirrored(images.sizes[:, axis - 2], images.pixels.shape[axis])
    return selected(images, places[0], places[1], images.sizes).pixels

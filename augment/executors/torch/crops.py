"""Ops that make several images of one: those of a sample follow each other in the batch."""

from __future__ import annotations

import numpy as np
import torch

from ...ops import FiveCrop, TenCrop
from ...ops.arguments import pair
from ..cropping import check_fits
from .dispatch import Drawn, apply_op
from .geometry import flipped
from .images import Images
from .selection import selected, shifted

__all__: list[str] = []


@apply_op.register
def _five_crop(op: FiveCrop, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    return _interleaved(_five(op, images))


@apply_op.register
def _ten_crop(op: TenCrop, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    mirrored = flipped(images, np.ones(len(images)), 2 if op.vertical_flip else 3)
    return _interleaved([crop for each in (images, mirrored) for crop in _five(op, each)])


def _five(op: FiveCrop | TenCrop, images: Images) -> list[Images]:
    """Top left, top right, bottom left, bottom right, middle."""
    size = pair(op.size)
    check_fits(op, *images.sizes.min(axis=0, initial=2**31).tolist())
    last = images.sizes - np.array(size)
    # numpy rounds halves to the even neighbour, as Python does in torchvision.
    starts = [*(last * np.array(corner) for corner in np.ndindex(2, 2)), np.rint(last / 2).astype(np.int64)]
    sizes = np.broadcast_to(np.array(size, np.int64), last.shape)
    height, width = size
    return [selected(images, shifted(y, height), shifted(x, width), sizes) for y, x in (start.T for start in starts)]


def _interleaved(crops: list[Images]) -> Images:
    pixels = torch.stack([crop.pixels for crop in crops], dim=1).flatten(0, 1)
    return Images(pixels, np.repeat(crops[0].sizes, len(crops), axis=0))

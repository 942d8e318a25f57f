"""ToDtype and Normalize on batches: float32, one rounding a step; floats are changed where they are."""

from __future__ import annotations

import numpy as np
import torch

from ...ops import Normalize, ToDtype
from .dispatch import Drawn, apply_op
from .images import Images, on_device

__all__: list[str] = []


@apply_op.register
def _to_dtype(op: ToDtype, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    if op.dtype == "uint8":
        return images
    floats = images.pixels.to(torch.float32)
    # A division by a Python number becomes a product with its reciprocal on a GPU, which rounds otherwise.
    return images.with_pixels(floats.div_(torch.full_like(floats[:1, :1, :1, :1], 255)) if op.scale else floats)


@apply_op.register
def _normalize(op: Normalize, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (draws nothing)
    mean, std = on_device(np.array([op.mean, op.std], np.float32), images.device)[..., None, None]
    return images.with_pixels(images.pixels.sub_(mean).div_(std))

"""Ops that change colours by factors of each sample, and in an order of each sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import ColorJitter, GaussianBlur, PCALighting, RandomHSL
from ...ops.arguments import pair
from . import colours
from .blur import gaussian_blur
from .dispatch import Drawn, apply_op
from .hls import shift_hsl
from .hue import adjust_hue
from .images import Images, changed

__all__: list[str] = []

Adjustment = Callable[[Images, torch.Tensor], torch.Tensor]

ADJUSTMENTS: dict[str, Adjustment] = {
    "brightness": colours.adjust_brightness,
    "contrast": colours.adjust_contrast,
    "saturation": colours.adjust_saturation,
    "hue": adjust_hue,
}
"""In the order that `order_0` to `order_3` number them."""


@apply_op.register
def _color_jitter(op: ColorJitter, images: Images, drawn: Drawn) -> Images:
    used = [(number, name) for number, name in enumerate(ADJUSTMENTS) if getattr(op, name) is not None]
    for place in range(len(ADJUSTMENTS)):
        for number, name in used:
            images = _adjusted(images, drawn[f"order_{place}"] == number, name, drawn[name])
    return images


def _adjusted(images: Images, chosen: NDArray[np.bool_], name: str, factors: NDArray[np.float64]) -> Images:
    numbers = np.trunc(factors * 255) if name == "hue" else factors.astype(np.float32)
    adjust = ADJUSTMENTS[name]
    return changed(images, chosen, lambda part, _, own: adjust(part, own), numbers)


@apply_op.register
def _gaussian_blur(op: GaussianBlur, images: Images, drawn: Drawn) -> Images:
    kernel, sigmas = pair(op.kernel_size), drawn["sigma"]
    return changed(images, np.ones(len(images)), lambda part, rows: gaussian_blur(part, kernel, sigmas[rows]))


@apply_op.register
def _random_hsl(op: RandomHSL, images: Images, drawn: Drawn) -> Images:
    if (op.random_h, op.random_s, op.random_l) == (0, 0, 0):
        return images
    shifts = [drawn[part].astype(np.float32) for part in "hls"]

    return changed(images, np.ones(len(images)), lambda part, _, *own: shift_hsl(part, own), *shifts)


@apply_op.register
def _pca_lighting(op: PCALighting, images: Images, drawn: Drawn) -> Images:
    rgb = np.zeros((len(images), 3))
    for k, (vector, value) in enumerate(zip(np.array(op.eigvec).T, op.eigval, strict=True)):
        rgb += vector * drawn[f"alpha_{k}"][:, None] * value
    return changed(images, np.ones(len(images)), lambda part, _, own: colours.light(part, own), rgb)

"""Policies on batches: of every change that they know, the images that drew it go through it together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ...ops import AutoAugment, RandAugment, TrivialAugmentWide
from ...ops.policy import WARPS, PolicyOp
from ..policies import policy_coefficients
from . import colours, tables
from .dispatch import Drawn, apply_op
from .images import Images, changed
from .warping import warped

__all__: list[str] = []

Magnitudes = NDArray[np.float64]
Change = Callable[[Images, torch.Tensor], torch.Tensor]


def _factors(magnitudes: Magnitudes) -> NDArray[np.float32]:
    return (1 + magnitudes).astype(np.float32)


def _none(magnitudes: Magnitudes) -> Magnitudes:
    return magnitudes


CHANGES: dict[PolicyOp, tuple[Callable[[Magnitudes], NDArray[np.generic]], Change]] = {
    PolicyOp.BRIGHTNESS: (_factors, colours.adjust_brightness),
    PolicyOp.COLOR: (_factors, colours.adjust_saturation),
    PolicyOp.CONTRAST: (_factors, colours.adjust_contrast),
    PolicyOp.SHARPNESS: (_factors, colours.adjust_sharpness),
    PolicyOp.POSTERIZE: (colours.kept_bits, colours.posterize),
    PolicyOp.SOLARIZE: (colours.whole_thresholds, colours.solarize),
    PolicyOp.AUTO_CONTRAST: (_none, lambda images, _: tables.autocontrast(images)),
    PolicyOp.EQUALIZE: (_none, lambda images, _: tables.equalize(images)),
    PolicyOp.INVERT: (_none, lambda images, _: colours.invert(images)),
}
"""What a magnitude becomes, and who takes it: (n, 1, 1, 1) on the device."""


@apply_op.register(AutoAugment)
@apply_op.register(RandAugment)
@apply_op.register(TrivialAugmentWide)
def _policy(op: AutoAugment | RandAugment | TrivialAugmentWide, images: Images, drawn: Drawn) -> Images:
    fill = np.broadcast_to(np.array(op.fill or 0, np.uint8), 3)
    for place in range(sum(field.startswith("op_") for field in drawn)):
        ops, magnitudes = drawn[f"op_{place}"], drawn[f"magnitude_{place}"]
        # An image makes one of the changes, so that their order does not matter.
        for kind in CHANGES:
            images = _recoloured(images, ops == kind, kind, magnitudes)
        coefficients = policy_coefficients(ops, magnitudes, images.sizes)
        images = warped(images, np.isin(ops, list(WARPS)), coefficients, op.interpolation, fill)
    return images


def _recoloured(images: Images, chosen: NDArray[np.bool_], kind: PolicyOp, magnitudes: Magnitudes) -> Images:
    numbers_of, change = CHANGES[kind]
    return changed(images, chosen, lambda part, _, numbers: change(part, numbers), numbers_of(magnitudes))

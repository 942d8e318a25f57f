"""What policies do to an image, in plain numpy: torchvision's `autoaugment` on PIL images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..ops.policy import WARPS, PolicyOp
from . import colours
from .transforming import transformed
from .warping import affine_coefficients, middles, rotation_coefficients

__all__ = ["apply_policy", "policy_coefficients"]

Pixels: TypeAlias = NDArray[np.uint8]
Column: TypeAlias = NDArray[np.float64]
"""(n,)"""

_COLOURS: dict[PolicyOp, Callable[[Pixels, float], Pixels]] = {
    PolicyOp.BRIGHTNESS: lambda image, magnitude: colours.adjust_brightness(image, 1 + magnitude),
    PolicyOp.COLOR: lambda image, magnitude: colours.adjust_saturation(image, 1 + magnitude),
    PolicyOp.CONTRAST: lambda image, magnitude: colours.adjust_contrast(image, 1 + magnitude),
    PolicyOp.SHARPNESS: lambda image, magnitude: colours.adjust_sharpness(image, 1 + magnitude),
    PolicyOp.POSTERIZE: lambda image, magnitude: colours.posterize(image, int(magnitude)),
    PolicyOp.SOLARIZE: colours.solarize,
    PolicyOp.AUTO_CONTRAST: lambda image, _: colours.autocontrast(image),
    PolicyOp.EQUALIZE: lambda image, _: colours.equalize(image),
    PolicyOp.INVERT: lambda image, _: colours.invert(image),
}


def apply_policy(
    image_hwc: Pixels, changes: int, drawn: Mapping[str, float], interpolation: str, fill: int | Sequence[int]
) -> Pixels:
    """The image after as many `changes`: `op_0`, `op_1` ... of `drawn`, as strong as `magnitude_0` ..."""
    for place in range(changes):
        op, magnitude = PolicyOp(int(drawn[f"op_{place}"])), drawn[f"magnitude_{place}"]
        if op in _COLOURS:
            image_hwc = _COLOURS[op](image_hwc, magnitude)
        elif op in WARPS:
            sizes = np.array([image_hwc.shape[:2]])
            (coefficients,) = policy_coefficients(np.array([op]), np.array([magnitude]), sizes)
            image_hwc = transformed(image_hwc, coefficients, interpolation, fill)
    return image_hwc


def policy_coefficients(
    ops: NDArray[np.integer | np.floating], magnitudes: Column, sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What warps of policies do to n images, for every executor that warps; see `warping`.

    Args:
        ops: (n,) numbers of `PolicyOp`; all but `WARPS` leave pixels where they are.
        magnitudes: (n,) of these.
        sizes: (n, 2) heights and widths of the images, in pixels.

    Returns:
        (n, 6) coefficients a to f of `PIL.Image.Image.transform`.
    """
    sheared = (ops == PolicyOp.SHEAR_X) | (ops == PolicyOp.SHEAR_Y)
    degrees = np.array([math.degrees(math.atan(tangent)) for tangent in np.where(sheared, magnitudes, 0).tolist()])
    whole = np.trunc(magnitudes)
    none, one = np.zeros(len(ops)), np.ones(len(ops))
    moved = affine_coefficients(
        none,
        np.where(ops == PolicyOp.TRANSLATE_X, whole, 0),
        np.where(ops == PolicyOp.TRANSLATE_Y, whole, 0),
        one,
        np.where(ops == PolicyOp.SHEAR_X, degrees, 0),
        np.where(ops == PolicyOp.SHEAR_Y, degrees, 0),
        one,
        center=np.where(sheared[:, None], 0.0, middles(sizes)),  # torchvision shears about the corner
    )
    rotated = rotation_coefficients(np.where(ops == PolicyOp.ROTATE, magnitudes, 0), middles(sizes))
    coefficients: NDArray[np.float64] = np.where((ops == PolicyOp.ROTATE)[:, None], rotated, moved)
    return coefficients

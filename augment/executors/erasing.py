"""What erasing ops do to a result, in plain numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ..ops import Cutout, RandomErasing
from .noise import normal_noise

__all__ = ["cut_out", "erase"]

Pixels: TypeAlias = NDArray[Any]
"""(height, width, 3): uint8 or float32."""


def erase(op: RandomErasing, image: Pixels, drawn: Mapping[str, float]) -> Pixels:
    """The image with the rectangle that was drawn written over; a copy."""
    erased = image.copy()
    if drawn["apply"]:
        x, y, width, height = (int(drawn[field]) for field in ("x", "y", "width", "height"))
        value: Any = op.value
        if op.value == "random":
            key = int(drawn["noise_0"]), int(drawn["noise_1"])
            value = normal_noise(key, height * width).reshape(height, width, 3)
        erased[y : y + height, x : x + width] = value
    return erased


def cut_out(op: Cutout, image: Pixels, drawn: Mapping[str, float]) -> Pixels:
    """The image with the squares that were drawn written over; a copy."""
    erased = image.copy()
    for hole in range(op.n_holes):
        x, y, width, height = (int(drawn[f"{field}_{hole}"]) for field in ("x", "y", "width", "height"))
        erased[y : y + height, x : x + width] = op.value
    return erased

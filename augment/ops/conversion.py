"""Ops that turn uint8 pixels into the numbers a network takes. Arithmetic is float32, one rounding a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from . import arguments as check
from .base import Lowered, Op, Stage, floats

__all__ = ["DTYPES", "Normalize", "ToDtype"]

DTYPES = ("uint8", "float32", "float16")
"""Types of a result, in the core's numbering."""


@dataclass(frozen=True, slots=True)
class ToDtype(Op):
    """Converts to `dtype`.

    Args:
        dtype: "uint8", "float32" or "float16", or numpy's or torch's object for it; stored as the name. float16 is the
            float32 result, rounded once at the end of the pipeline.
        scale: divides by 255, so that floats are from 0 to 1. Nothing is scaled for "uint8".
    """

    dtype: Any
    scale: bool = False

    stage: ClassVar[Stage] = Stage.DTYPE

    def __post_init__(self) -> None:
        name = dtype_name(self.dtype)
        if name not in DTYPES:
            expected = "'float32', 'float16' or 'uint8', or numpy's or torch's object for one of them"
            raise check.refusal(self, "dtype", expected, self.dtype, "for example ToDtype('float32', scale=True)")
        self._store(dtype=name, scale=check.flag(self, "scale", self.scale))

    def lower(self) -> Lowered:
        return "to_dtype", floats(DTYPES.index(self.dtype), self.scale)


@dataclass(frozen=True, slots=True)
class Normalize(Op):
    """(x - mean) / std for each channel, in float32.

    Args:
        mean: of R, G and B, in the units of what `ToDtype` gives (0 to 1 with `scale=True`, else 0 to 255).
        std: the same; greater than zero.
    """

    mean: Sequence[float]
    std: Sequence[float]

    stage: ClassVar[Stage] = Stage.NORMALIZE

    def __post_init__(self) -> None:
        self._store(mean=check.per_channel(self, "mean", self.mean), std=check.per_channel(self, "std", self.std))
        if not all(np.float32(value) > 0 for value in self.std):
            fix = "give the standard deviation of each channel, or 1 to leave it as it is"
            raise check.refusal(self, "std", "3 numbers greater than 0", self.std, fix)

    def lower(self) -> Lowered:
        return "normalize", floats(self.mean, self.std)


def dtype_name(dtype: object) -> str | None:
    """The name of a dtype given as a string or as numpy's or torch's object, without importing torch; else None."""
    if isinstance(dtype, str):
        return str(dtype)
    if isinstance(dtype, np.dtype) or (isinstance(dtype, type) and issubclass(dtype, np.generic)):
        return np.dtype(dtype).name
    if type(dtype).__module__ == "torch" and type(dtype).__name__ == "dtype":
        return str(dtype).removeprefix("torch.")
    return None

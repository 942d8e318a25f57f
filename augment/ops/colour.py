"""Ops that change colours: names, arguments and meaning of torchvision on PIL images, so the arithmetic is Pillow's.

They work on uint8 images, before, between or after ops that move pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import arguments as check
from .base import Lowered, Op, Stage, floats

__all__ = ["RandomInvert"]


@dataclass(frozen=True, slots=True)
class RandomInvert(Op):
    """Makes each value v of each channel 255 - v, with probability `p`; `PIL.ImageOps.invert`.

    Draws: `apply`, 0 or 1.
    """

    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_invert", floats(self.p)

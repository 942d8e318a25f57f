"""Ops that change colours: names, arguments and meaning of torchvision on PIL images, so the arithmetic is Pillow's.

They work on uint8 images, before, between or after ops that move pixels. Those with a probability `p` draw `apply`,
0 or 1; left out, they cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import arguments as check
from .base import Lowered, Op, Stage, floats
from .values import is_int

__all__ = [
    "Grayscale",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomGrayscale",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
]


@dataclass(frozen=True, slots=True)
class Grayscale(Op):
    """Makes all channels the luma of ITU-R 601-2, as Pillow's conversion to "L" does.

    Args:
        num_output_channels: 3, as all results have (torchvision's default is 1).
    """

    num_output_channels: int = 3

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        if not is_int(self.num_output_channels) or self.num_output_channels != 3:
            fix = "results always have three channels, which are then equal"
            raise check.refusal(self, "num_output_channels", "3", self.num_output_channels, fix)
        self._store(num_output_channels=3)

    def lower(self) -> Lowered:
        return "grayscale", ()


@dataclass(frozen=True, slots=True)
class RandomGrayscale(Op):
    """Makes all channels the luma, as `Grayscale` does, with probability `p`.

    Draws: `apply`, 0 or 1.
    """

    p: float = 0.1

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_grayscale", floats(self.p)


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


@dataclass(frozen=True, slots=True)
class RandomSolarize(Op):
    """Inverts the values from a threshold up, with probability `p`; `PIL.ImageOps.solarize`.

    Args:
        threshold: values equal to it or above are inverted, on the scale of 0 to 255.
        p: the probability.

    Draws: `apply`, 0 or 1.
    """

    threshold: float
    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(
            threshold=check.number(self, "threshold", self.threshold, "for example threshold=128"),
            p=check.probability(self, "p", self.p),
        )

    def lower(self) -> Lowered:
        return "random_solarize", floats(self.threshold, self.p)


@dataclass(frozen=True, slots=True)
class RandomPosterize(Op):
    """Keeps the highest bits of each value and clears the others, with probability `p`; `PIL.ImageOps.posterize`.

    Args:
        bits: how many are kept, 1 to 8.
        p: the probability.

    Draws: `apply`, 0 or 1.
    """

    bits: int
    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(bits=check.bits(self, "bits", self.bits), p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_posterize", floats(self.bits, self.p)


@dataclass(frozen=True, slots=True)
class RandomAutocontrast(Op):
    """Stretches each channel so that its values reach from 0 to 255, with probability `p`; `PIL.ImageOps.autocontrast`.

    Draws: `apply`, 0 or 1.
    """

    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_autocontrast", floats(self.p)


@dataclass(frozen=True, slots=True)
class RandomEqualize(Op):
    """Equalises the histogram of each channel, with probability `p`; `PIL.ImageOps.equalize`.

    Draws: `apply`, 0 or 1.
    """

    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_equalize", floats(self.p)


@dataclass(frozen=True, slots=True)
class RandomAdjustSharpness(Op):
    """Blurs or sharpens, with probability `p`; `PIL.ImageEnhance.Sharpness`.

    Args:
        sharpness_factor: 0 is the image under Pillow's 3x3 `SMOOTH` filter, 1 the image itself, more is sharper.
        p: the probability.

    Draws: `apply`, 0 or 1.
    """

    sharpness_factor: float
    p: float = 0.5

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(
            sharpness_factor=check.factor(self, "sharpness_factor", self.sharpness_factor),
            p=check.probability(self, "p", self.p),
        )

    def lower(self) -> Lowered:
        return "random_adjust_sharpness", floats(self.sharpness_factor, self.p)

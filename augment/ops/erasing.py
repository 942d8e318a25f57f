"""Ops that write over parts of the finished result, after everything else that is done to an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from . import arguments as check
from .arguments import Interval
from .base import Lowered, Op, Stage, floats

__all__ = ["Cutout", "ErasedValue", "RandomErasing"]

ErasedValue: TypeAlias = float | Sequence[float]
"""What is written: a number, or one for each of R, G, B, in the units of the result."""

MAX_HOLES = 64


@dataclass(frozen=True, slots=True)
class RandomErasing(Op):
    """Writes over a random rectangle of the result, with probability `p`.

    Zhong et al., "Random erasing data augmentation" (2017), as `torchvision.transforms.RandomErasing` has it: the area
    is drawn uniformly and the aspect ratio (height by width) log-uniformly until both sides are shorter than the
    result's, ten times at most; where none is, nothing is erased.

    Args:
        p: the probability.
        scale: smallest and largest share of the result's area.
        ratio: smallest and largest aspect ratio.
        value: what is written, in the units of the result (after `Normalize`, where there is one): a number, one for
            each of R, G, B, or "random" for standard normal noise, which needs floats. uint8 results need whole
            numbers from 0 to 255. Stored for each channel.

    Draws: `apply`, 0 or 1; `x`, `y`, `width`, `height` of the rectangle in pixels, all 0 where nothing is erased; with
    `value="random"` also `noise_0` and `noise_1`, two words of 32 bits, the key of the noise.
    """

    p: float = 0.5
    scale: Interval = (0.02, 0.33)
    ratio: Interval = (0.3, 3.3)
    value: ErasedValue | Literal["random"] = 0.0

    stage: ClassVar[Stage] = Stage.ERASE
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._store(
            p=check.probability(self, "p", self.p),
            scale=check.share(self, "scale", self.scale),
            ratio=check.rising(self, "ratio", self.ratio),
            value=_value(self, self.value),
        )

    def lower(self) -> Lowered:
        noise = self.value == "random"
        value = (0.0, 0.0, 0.0) if isinstance(self.value, str) else self.value
        return "random_erasing", floats(self.p, self.scale, self.ratio, noise, value)


@dataclass(frozen=True, slots=True)
class Cutout(Op):
    """Writes over squares of the result, each around a random pixel and cut off at the edges.

    DeVries and Taylor, "Improved regularization of convolutional neural networks with Cutout" (2017), and their code,
    whose squares of an odd length are a pixel smaller. A square covers `length // 2` pixels before its centre.

    Args:
        length: side of a square in pixels.
        n_holes: how many squares, up to 64; they may overlap.
        value: what is written, in the units of the result (after `Normalize`, where there is one): a number, or one for
            each of R, G, B. uint8 results need whole numbers from 0 to 255. Stored for each channel.

    Draws: `x_k`, `y_k`, `width_k`, `height_k`, the visible part of square k = 0, 1 ... in pixels.
    """

    length: int
    n_holes: int = 1
    value: ErasedValue = 0.0

    stage: ClassVar[Stage] = Stage.ERASE
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._store(
            length=check.side(self, "length", self.length),
            n_holes=check.count(self, "n_holes", self.n_holes, MAX_HOLES),
            value=check.channel_values(self, "value", self.value),
        )

    def lower(self) -> Lowered:
        return "cutout", floats(self.length, self.n_holes, self.value)


def _value(op: RandomErasing, value: object) -> str | tuple[float, float, float]:
    if not isinstance(value, str):
        return check.channel_values(op, "value", value)
    if value != "random":
        raise check.refusal(op, "value", "a number, 3 numbers or 'random'", value, "for example value=0")
    return "random"

"""Ops that mix the samples of a batch with each other, images and labels. They end a pipeline, and need a batch.

Sample k is mixed with sample k - 1, the first with the last, all in the same proportion. What is drawn is keyed by the
first sample of the batch. Labels become float32 (batch, num_classes), one-hot and then mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import arguments as check
from .base import Lowered, Op, Stage, floats

__all__ = ["CutMix", "MixUp"]

MAX_ALPHA = 1e6
MAX_CLASSES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class MixUp(Op):
    """Makes each image lambda * image + (1 - lambda) * partner, and each label likewise, with probability `p`.

    Zhang et al., "mixup: beyond empirical risk minimization" (2017), as `torchvision.transforms.v2.MixUp` has it. The
    arithmetic is float32, rounded once to the images' type (uint8: halves to the even neighbour).

    Args:
        num_classes: of the labels, which are ints from 0 to num_classes - 1, or are (batch, num_classes) already.
        alpha: lambda is drawn from Beta(alpha, alpha); above 0.
        p: the probability, for a batch. Labels become (batch, num_classes) in any case.

    Draws: `apply`, 0 or 1; `lambda`.
    """

    num_classes: int
    alpha: float = 1.0
    p: float = 1.0

    stage: ClassVar[Stage] = Stage.BATCH

    def __post_init__(self) -> None:
        _check_mixing(self, self.num_classes, self.alpha, self.p)

    def lower(self) -> Lowered:
        return "mix_up", floats(self.alpha, self.p)


@dataclass(frozen=True, slots=True)
class CutMix(Op):
    """Puts a rectangle of its partner into each image, and mixes labels by its share of the area, with probability `p`.

    Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features" (2019), as
    `torchvision.transforms.v2.CutMix` has it: the rectangle has the share 1 - lambda of the image's area, lies around
    a random pixel and is cut off at the edges; lambda then becomes what is left.

    Args:
        num_classes: of the labels, which are ints from 0 to num_classes - 1, or are (batch, num_classes) already.
        alpha: lambda is drawn from Beta(alpha, alpha); above 0.
        p: the probability, for a batch. Labels become (batch, num_classes) in any case.

    Draws: `apply`, 0 or 1; `lambda`, the share of the area outside the rectangle; `x`, `y`, `width`, `height` of the
    rectangle in pixels.
    """

    num_classes: int
    alpha: float = 1.0
    p: float = 1.0

    stage: ClassVar[Stage] = Stage.BATCH
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_mixing(self, self.num_classes, self.alpha, self.p)

    def lower(self) -> Lowered:
        return "cut_mix", floats(self.alpha, self.p)


def _check_mixing(op: MixUp | CutMix, num_classes: object, alpha: object, p: object) -> None:
    op._store(
        num_classes=check.count(op, "num_classes", num_classes, MAX_CLASSES),
        alpha=check.positive(op, "alpha", alpha, MAX_ALPHA),
        p=check.probability(op, "p", p),
    )

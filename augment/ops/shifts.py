"""Ops that shift all colours of an image by numbers that are drawn, as MXNet's iterators do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from . import arguments as check
from .base import Lowered, Op, Stage, floats
from .values import is_number, items

__all__ = ["PCALighting", "RandomHSL"]

HIGHEST_HUE = 180
"""OpenCV's hue in a byte: two degrees a step."""

IMAGENET_EIGENVALUES = (55.46, 4.794, 1.148)
IMAGENET_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
"""Of the covariance of ImageNet's pixels from 0 to 255, by fb.resnet.torch; MXNet and others took them over."""


@dataclass(frozen=True, slots=True)
class RandomHSL(Op):
    """Shifts hue, saturation and lightness, as MXNet's `ImageRecordIter` does (`src/io/image_aug_default.cc`).

    The image becomes OpenCV's "HLS" of bytes (hue from 0 to 180, the others from 0 to 255, rounded half to even), a
    whole number is added to each part, what is beyond its range is cut off (also the hue, which does not go round), and
    the image becomes RGB again. The arithmetic is that of OpenCV's portable code in float32, in every bit; its
    vectorised code takes another hue or saturation, by a step, in one of some thousand colours. Where nothing is
    shifted this time, the way there and back may still change a value by a level or two; with all three arguments 0 the
    image stays as it is.

    Args:
        random_h: the most to add to the hue, or to take away, 0 to 180.
        random_s, random_l: the same of saturation and lightness, 0 to 255.

    Draws: `h`, `s` and `l`, whole numbers, as MXNet's last releases do: (u + 4 v) / 5 of two uniform numbers, from
    minus to plus the argument, cut towards 0. So the ends are rare, the argument itself is never reached, and 0 is
    twice as likely as its neighbours. (MXNet's first releases drew one uniform number.)
    """

    random_h: int = 0
    random_s: int = 0
    random_l: int = 0

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(
            random_h=check.whole(self, "random_h", self.random_h, HIGHEST_HUE),
            random_s=check.whole(self, "random_s", self.random_s, 255),
            random_l=check.whole(self, "random_l", self.random_l, 255),
        )

    def lower(self) -> Lowered:
        return "random_hsl", floats(self.random_h, self.random_s, self.random_l)


@dataclass(frozen=True, slots=True)
class PCALighting(Op):
    """Adds light of a random colour, along the principal components of ImageNet's colours.

    Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012), section 4.1: each pixel
    gets the sum of `alpha_k * eigval[k]` times the eigenvector k. The result is rounded, half to even, and cut off at 0
    and 255 (AlexNet and MXNet's `LightingAug` work on floats, and do neither).

    Args:
        alpha_std: the standard deviation of the factors.
        eigval: the eigenvalues, for pixels from 0 to 255.
        eigvec: 3x3; the eigenvectors are its columns, and its rows are of R, G and B.

    Draws: `alpha_0`, `alpha_1` and `alpha_2`, normally with mean 0.
    """

    alpha_std: float = 0.1
    eigval: Sequence[float] = IMAGENET_EIGENVALUES
    eigvec: Sequence[Sequence[float]] = IMAGENET_EIGENVECTORS

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(
            alpha_std=check.deviation(self, "alpha_std", self.alpha_std),
            eigval=_table(self, "eigval", self.eigval, (3,)),
            eigvec=_table(self, "eigvec", self.eigvec, (3, 3)),
        )

    def lower(self) -> Lowered:
        return "pca_lighting", floats(self.alpha_std, self.eigval, *self.eigvec)


def _table(op: Op, argument: str, value: Any, shape: tuple[int, ...]) -> Any:
    """Finite float32 numbers of this shape, as tuples."""
    numbers = _row(value) if len(shape) == 1 else _rows(value)
    if numbers is None:
        expected = f"{' x '.join(map(str, shape))} finite numbers"
        raise check.refusal(op, argument, expected, value, "leave the argument out for those of ImageNet")
    return numbers


def _rows(value: object) -> tuple[tuple[float, ...], ...] | None:
    rows = [_row(each) for each in items(value) or ()]
    found = tuple(row for row in rows if row is not None)
    return found if len(rows) == len(found) == 3 else None


def _row(value: object) -> tuple[float, ...] | None:
    row = items(value)
    if row is None or len(row) != 3 or not all(is_number(each) and abs(each) <= check.MAX_FACTOR for each in row):
        return None
    return tuple(map(float, row))

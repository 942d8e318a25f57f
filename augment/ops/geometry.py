"""Ops that choose and move pixels. Names, arguments and meaning are those of `torchvision.transforms.v2`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from . import arguments as check
from .arguments import Interval, Size
from .base import Lowered, Op, Stage, floats

__all__ = ["CenterCrop", "RandomHorizontalFlip", "RandomResizedCrop", "RandomVerticalFlip", "Resize"]


@dataclass(frozen=True, slots=True)
class RandomResizedCrop(Op):
    """Crops a random region and resizes it to `size` (Szegedy et al., "Going deeper with convolutions", 2015).

    Args:
        size: (height, width) of the result in pixels; an int is the side of a square.
        scale: smallest and largest area of the crop, as a share of the image's, drawn uniformly.
        ratio: smallest and largest width / height of the crop, drawn uniformly in its logarithm.
        interpolation: Pillow's filter: "bilinear", "nearest", "bicubic", "box", "hamming" or "lanczos", also as
            torchvision's `InterpolationMode` or Pillow's `Resampling`; stored as the name.
        antialias: True, as Pillow resizes (but for "nearest"); the filter's support is clipped to the crop.

    Draws: `x`, `y`, `width`, `height` of the crop, in pixels of the image that reaches the op.
    """

    size: Size
    scale: Interval = (0.08, 1.0)
    ratio: Interval = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    antialias: bool = True

    stage: ClassVar[Stage] = Stage.GEOMETRY
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._store(
            size=check.height_width(self, "size", self.size),
            scale=check.share(self, "scale", self.scale),
            ratio=check.rising(self, "ratio", self.ratio),
            interpolation=check.interpolation(self, "interpolation", self.interpolation),
            antialias=check.antialiased(self, "antialias", self.antialias),
        )

    def lower(self) -> Lowered:
        return "random_resized_crop", floats(check.pair(self.size), self.scale, self.ratio, _filter(self.interpolation))


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """Resizes the image; one of that size already stays as it is.

    Args:
        size: (height, width) of the result, or an int: the length of the shorter side, the longer one follows the
            image's shape (rounded down, at least 1).
        interpolation: as of `RandomResizedCrop`.
        max_size: with an int `size`, the most that the longer side may be; the shorter one then gives way.
        antialias: True, as Pillow resizes.
    """

    size: Size
    interpolation: str = "bilinear"
    max_size: int | None = None
    antialias: bool = True

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        sides = check.size_sequence(self, "size", self.size)
        self._store(
            size=sides[0] if len(sides) == 1 else sides,
            interpolation=check.interpolation(self, "interpolation", self.interpolation),
            max_size=None if self.max_size is None else check.side(self, "max_size", self.max_size),
            antialias=check.antialiased(self, "antialias", self.antialias),
        )
        if self.max_size is not None:
            self._check_max_size(sides, self.max_size)

    def _check_max_size(self, sides: tuple[int, ...], max_size: int) -> None:
        if len(sides) == 2:
            fix = "leave max_size out, or give size as an int"
            raise check.refusal(self, "max_size", "None where size is (height, width)", max_size, fix)
        if max_size <= sides[0]:
            fix = f"give max_size={sides[0] + 1} or more"
            raise check.refusal(self, "max_size", f"greater than size, {sides[0]}", max_size, fix)

    def lower(self) -> Lowered:
        if isinstance(self.size, int):
            return "resize_short", floats(self.size, self.max_size or 0, _filter(self.interpolation))
        return "resize", floats(self.size, _filter(self.interpolation))


def _filter(interpolation: str) -> int:
    return check.INTERPOLATIONS.index(interpolation)


@dataclass(frozen=True, slots=True)
class CenterCrop(Op):
    """Cuts the middle out of the image; where the image is smaller, black surrounds it.

    Args:
        size: (height, width) of the result in pixels; an int is the side of a square.
    """

    size: Size

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        self._store(size=check.height_width(self, "size", self.size))

    def lower(self) -> Lowered:
        return "center_crop", floats(check.pair(self.size))


@dataclass(frozen=True, slots=True)
class RandomHorizontalFlip(Op):
    """Mirrors the image left to right with probability `p`.

    Draws: `flip`, 0 or 1.
    """

    p: float = 0.5

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        self._store(p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_horizontal_flip", floats(self.p)


@dataclass(frozen=True, slots=True)
class RandomVerticalFlip(Op):
    """Mirrors the image top to bottom with probability `p`.

    Draws: `flip`, 0 or 1.
    """

    p: float = 0.5

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        self._store(p=check.probability(self, "p", self.p))

    def lower(self) -> Lowered:
        return "random_vertical_flip", floats(self.p)

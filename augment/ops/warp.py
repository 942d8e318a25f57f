"""Ops that warp the image into one of the same size, as `torchvision.transforms` names and defines them on PIL images.

Their pixels are those of `PIL.Image.Image.transform`: "nearest", "bilinear" and "bicubic" do not antialias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from . import arguments as check
from . import warp_arguments as check_warp
from .arguments import Interval
from .base import Lowered, Op, Stage, floats
from .warp_arguments import INTERPOLATIONS

__all__ = ["RandomAffine", "RandomPerspective", "RandomRotation"]

Fill: TypeAlias = int | Sequence[int]
"""A grey level, or (R, G, B), from 0 to 255."""

NOT_SHEARED = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class RandomRotation(Op):
    """Rotates the image about a point, counter-clockwise; `PIL.Image.Image.rotate`.

    Args:
        degrees: a number x for angles from -x to x, or (low, high); in degrees.
        interpolation: "nearest", "bilinear" or "bicubic"; also as torchvision's or Pillow's constant.
        expand: False; a result that grew with the drawn angle would have no size to make a batch of.
        center: (x, y) of the point that stays, in pixels from the top left corner; None for the image's middle.
        fill: of what lies beyond the image; stored as three.

    Draws: `angle` in degrees, uniformly.
    """

    degrees: float | Interval
    interpolation: str = "nearest"
    expand: bool = False
    center: Sequence[float] | None = None
    fill: Fill = 0

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        self._store(
            degrees=check_warp.angles(self, "degrees", self.degrees),
            interpolation=check_warp.interpolation(self, "interpolation", self.interpolation),
            expand=check_warp.unexpanded(self, "expand", self.expand),
            center=check_warp.point(self, "center", self.center),
            fill=check.colour(self, "fill", self.fill),
        )

    def lower(self) -> Lowered:
        sampling = (INTERPOLATIONS[self.interpolation], *floats(self.fill))
        center = (self.center is not None, *(self.center or (0, 0)))
        return "random_rotation", floats(self.degrees, sampling, center)


@dataclass(frozen=True, slots=True)
class RandomAffine(Op):
    """Rotates, moves, scales and shears the image about a point, by random numbers; torchvision's `affine`.

    Args:
        degrees: of the rotation, clockwise: a number x for angles from -x to x, or (low, high).
        translate: (a, b): how far the image is moved at most, to both sides, as shares of its width and height.
        scale: (low, high) of the factor by which it is enlarged.
        shear: along x, in degrees: a number x for angles from -x to x, or (low, high); or along x and y, (low, high,
            low, high). Stored as four.
        interpolation: "nearest", "bilinear" or "bicubic"; also as torchvision's or Pillow's constant.
        fill: of what lies beyond the image; stored as three.
        center: (x, y) of the point that only the translation moves, in pixels from the top left corner; None for the
            image's middle.
        aspect: (low, high) of the factor by which the width is stretched against the height before all else; the area
            stays. torchvision has no such argument.

    Draws: `angle`, `scale`, `shear_x` and `shear_y` uniformly, in degrees; `translate_x` and `translate_y` in whole
    pixels, uniformly before rounding; `aspect`, uniformly in its logarithm. Those left out (None) are 0, scale and
    aspect 1.
    """

    degrees: float | Interval
    translate: Sequence[float] | None = None
    scale: Interval | None = None
    shear: float | Sequence[float] | None = None
    interpolation: str = "nearest"
    fill: Fill = 0
    center: Sequence[float] | None = None
    aspect: Interval | None = None

    stage: ClassVar[Stage] = Stage.GEOMETRY
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._store(
            degrees=check_warp.angles(self, "degrees", self.degrees),
            translate=None if self.translate is None else check_warp.shares(self, "translate", self.translate),
            scale=None if self.scale is None else check.rising(self, "scale", self.scale),
            shear=None if self.shear is None else check_warp.shears(self, "shear", self.shear),
            interpolation=check_warp.interpolation(self, "interpolation", self.interpolation),
            fill=check.colour(self, "fill", self.fill),
            center=check_warp.point(self, "center", self.center),
            aspect=None if self.aspect is None else check.rising(self, "aspect", self.aspect),
        )

    def lower(self) -> Lowered:
        ranges = (
            self.degrees,
            self.translate or (0.0, 0.0),
            self.scale or (1.0, 1.0),
            self.shear or NOT_SHEARED,
            self.aspect or (1.0, 1.0),
        )
        sampling = (INTERPOLATIONS[self.interpolation], *floats(self.fill))
        center = (self.center is not None, *(self.center or (0, 0)))
        return "random_affine", floats(*ranges, sampling, center)


@dataclass(frozen=True, slots=True)
class RandomPerspective(Op):
    """Moves the corners of the image inwards, each by its own random distances, with probability `p`.

    torchvision's `perspective` of a PIL image. Its equations are solved exactly (torchvision's least squares are off
    by up to 1e-14, which shows by a grey level where pixels stay in their places). Where three corners come to lie in
    a line, and on images of one row or column, no perspective exists, and the image stays as it is.

    Args:
        distortion_scale: how far a corner moves at most, as a share from 0 to 1 of half the width and half the height.
        p: how probable it is that the image is changed.
        interpolation: "nearest", "bilinear" or "bicubic"; also as torchvision's or Pillow's constant.
        fill: of what lies beyond the image; stored as three.

    Draws: `apply`, 0 or 1; `top_left_x`, `top_left_y`, `top_right_x` ... `bottom_right_x` ... `bottom_left_y`, how far
    that corner moves inwards, in whole pixels, uniformly.
    """

    distortion_scale: float = 0.5
    p: float = 0.5
    interpolation: str = "bilinear"
    fill: Fill = 0

    stage: ClassVar[Stage] = Stage.GEOMETRY
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._store(
            distortion_scale=check_warp.share(self, "distortion_scale", self.distortion_scale),
            p=check.probability(self, "p", self.p),
            interpolation=check_warp.interpolation(self, "interpolation", self.interpolation),
            fill=check.colour(self, "fill", self.fill),
        )

    def lower(self) -> Lowered:
        sampling = (INTERPOLATIONS[self.interpolation], *floats(self.fill))
        return "random_perspective", floats(self.distortion_scale, self.p, sampling)

"""Ops that make several crops of one image. Names, arguments and order are those of `torchvision.transforms`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...errors import SpecError
from . import arguments as check
from .arguments import Size
from .base import Lowered, Op, Stage, floats

__all__ = ["Crops", "FiveCrop", "TenCrop"]


@dataclass(frozen=True, slots=True)
class Crops(Op):
    """Base of the ops that make several crops; a pipeline has at most one of them.

    What follows such an op in its pipeline is done to each crop, with the same draws, and results have a dimension
    more: (crops, 3, height, width). An image that is smaller than a crop is an error: at once where the size of the
    image is known from the ops before, else `DecodeError` when its parameters are drawn for sizes that are given,
    or when it is applied.
    """

    size: Size

    stage: ClassVar[Stage] = Stage.CROPS

    def __post_init__(self) -> None:
        self._store(size=check.height_width(self, "size", self.size))

    def check_fits(self, height: int, width: int) -> None:
        """SpecError where an image of this size is too small."""
        crop = check.pair(self.size)
        if crop[0] > height or crop[1] > width:
            raise SpecError(
                f"{type(self).__name__}: size must fit the image, which is {(height, width)} (height, width) in "
                f"pixels, got {crop}; give a smaller size, or put a Resize before it"
            )


@dataclass(frozen=True, slots=True)
class FiveCrop(Crops):
    """Cuts out the four corners and the middle: results are (5, 3, height, width), a batch (n, 5, 3, height, width).

    They come in torchvision's order: top left, top right, bottom left, bottom right, middle. Ops behind it are done to
    each of them, with the same draws. Draws nothing.

    Args:
        size: (height, width) of each crop in pixels; an int is the side of a square. An image that is smaller is an
            error: at once where its size is known from the ops before, else `DecodeError` when parameters are drawn.
    """

    def lower(self) -> Lowered:
        return "five_crop", floats(check.pair(self.size), 0)


@dataclass(frozen=True, slots=True)
class TenCrop(Crops):
    """The crops of `FiveCrop`, then those of the mirrored image: (10, 3, height, width), batches (n, 10, 3, ...).

    Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012), section 4.1, average
    their predictions over them. Draws nothing.

    Args:
        size: as of `FiveCrop`.
        vertical_flip: mirror top to bottom, not left to right.
    """

    vertical_flip: bool = False

    def __post_init__(self) -> None:
        Crops.__post_init__(self)
        self._store(vertical_flip=check.flag(self, "vertical_flip", self.vertical_flip))

    def lower(self) -> Lowered:
        return "ten_crop", floats(check.pair(self.size), self.vertical_flip)

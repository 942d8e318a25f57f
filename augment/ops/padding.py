"""Ops that surround the image with more pixels, as `torchvision.transforms.v2` names and defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from ...errors import SpecError
from . import arguments as check
from .arguments import Size
from .base import Lowered, Op, Stage, floats

__all__ = ["PADDING_MODES", "Margins", "Pad", "RandomCrop"]

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")
"""What padding is made of, as numpy.pad calls it, in the core's numbering."""

Margins: TypeAlias = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels."""

NO_MARGINS: Margins = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """Surrounds the image with more pixels.

    Args:
        padding: pixels on every side; or (left and right, top and bottom); or (left, top, right, bottom). Stored as
            four.
        fill: grey level, or (R, G, B), from 0 to 255, of the padding in mode "constant"; stored as three.
        padding_mode: "constant"; "edge", the nearest pixel of the image; "reflect", the image mirrored at its outermost
            pixels; "symmetric", the image mirrored at its edges. Mirrored again and again where the padding is larger
            than the image.

    Raises:
        DecodeError: from executors and loaders, for an image that would become larger than 178,956,970 pixels (where
            Pillow sees a decompression bomb).
    """

    padding: int | Sequence[int]
    fill: int | Sequence[int] = 0
    padding_mode: str = "constant"

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        self._store(
            padding=check.margins(self, "padding", self.padding),
            fill=check.colour(self, "fill", self.fill),
            padding_mode=check.choice(self, "padding_mode", self.padding_mode, PADDING_MODES),
        )

    def lower(self) -> Lowered:
        return "pad", floats(self.padding, PADDING_MODES.index(self.padding_mode), self.fill)


@dataclass(frozen=True, slots=True)
class RandomCrop(Op):
    """Cuts a region of `size` out of the padded image, at a random place.

    Args:
        size: (height, width) of the result in pixels; an int is the side of a square.
        padding: as of `Pad`, before the crop; None for no padding.
        pad_if_needed: where the image, with its padding, is smaller than `size`, both sides get all the pixels that are
            missing. Without it such an image is an error: at once where the size of the image is known from the ops
            before, else `DecodeError` when its parameters are drawn.
        fill, padding_mode: as of `Pad`.

    Draws: `x`, `y` of the crop's top left corner, in pixels of the image that reaches the op: negative in its padding.
    """

    size: Size
    padding: int | Sequence[int] | None = None
    pad_if_needed: bool = False
    fill: int | Sequence[int] = 0
    padding_mode: str = "constant"

    stage: ClassVar[Stage] = Stage.GEOMETRY
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        given = NO_MARGINS if self.padding is None else check.margins(self, "padding", self.padding)
        self._store(
            size=check.height_width(self, "size", self.size),
            padding=None if given == NO_MARGINS else given,
            pad_if_needed=check.flag(self, "pad_if_needed", self.pad_if_needed),
            fill=check.colour(self, "fill", self.fill),
            padding_mode=check.choice(self, "padding_mode", self.padding_mode, PADDING_MODES),
        )

    def lower(self) -> Lowered:
        mode = PADDING_MODES.index(self.padding_mode)
        return "random_crop", floats(
            check.pair(self.size), self.padding or NO_MARGINS, mode, self.fill, self.pad_if_needed
        )

    def margins(self, height: int, width: int) -> Margins:
        """By how much an image of this size is padded."""
        left, top, right, bottom = check.margins(self, "padding", self.padding or 0)
        if self.pad_if_needed:
            crop_height, crop_width = check.pair(self.size)
            down = max(crop_height - height - top - bottom, 0)
            across = max(crop_width - width - left - right, 0)
            left, top, right, bottom = left + across, top + down, right + across, bottom + down
        return left, top, right, bottom

    def check_fits(self, height: int, width: int) -> None:
        """SpecError where an image of this size is too small, with its padding."""
        left, top, right, bottom = self.margins(height, width)
        padded = (height + top + bottom, width + left + right)
        crop = check.pair(self.size)
        if crop[0] > padded[0] or crop[1] > padded[1]:
            raise SpecError(
                f"RandomCrop: size must fit the image, which is {padded} (height, width) in pixels, padding included, "
                f"got {crop}; give pad_if_needed=True or more padding, or put a Resize before it"
            )

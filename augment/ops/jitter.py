"""Ops that change colours, or blur, by factors that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from . import arguments as check
from .arguments import Interval, Size
from .base import Lowered, Op, Stage, floats

__all__ = ["ColorJitter", "GaussianBlur"]

Strength: TypeAlias = float | Sequence[float] | None
"""How far a factor may be from the one that changes nothing, or (low, high), or None to leave it out."""


@dataclass(frozen=True, slots=True)
class ColorJitter(Op):
    """Changes brightness, contrast, saturation and hue by random factors, in random order.

    Brightness, contrast and saturation are those of `PIL.ImageEnhance` (`Brightness`, `Contrast`, `Color`); the hue is
    that of Pillow's "HSV", shifted by whole 255ths of a turn, as torchvision does with PIL images.

    Args:
        brightness, contrast, saturation: a number x for factors from max(0, 1 - x) to 1 + x, or (low, high) with
            0 <= low <= high.
        hue: a number x from 0 to 0.5 for shares of a turn from -x to x, or (low, high) with -0.5 <= low <= high <= 0.5.

    What is None, or can't change anything, is left out. All are stored as (low, high) or None.

    Draws: `order_0` to `order_3`, which of brightness (0), contrast (1), saturation (2) and hue (3) comes first to
    last, every order alike; `brightness`, `contrast`, `saturation` and `hue`, uniformly.
    """

    brightness: Strength = None
    contrast: Strength = None
    saturation: Strength = None
    hue: Strength = None

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(
            brightness=check.jitter(self, "brightness", self.brightness),
            contrast=check.jitter(self, "contrast", self.contrast),
            saturation=check.jitter(self, "saturation", self.saturation),
            hue=check.hue_jitter(self, "hue", self.hue),
        )

    def lower(self) -> Lowered:
        factors = (self.brightness, self.contrast, self.saturation)
        return "color_jitter", floats(*((1.0, 1.0) if f is None else f for f in factors), self.hue or (0.0, 0.0))


@dataclass(frozen=True, slots=True)
class GaussianBlur(Op):
    """Blurs with a Gaussian kernel, the image reflected at its edges; `torchvision.transforms.GaussianBlur`.

    Where the kernel reaches further than the image is long, it is reflected again (torchvision fails there).

    Args:
        kernel_size: taps along and across the image, (width, height) or one for both; odd.
        sigma: the standard deviation in pixels, or its smallest and largest value, drawn uniformly.

    Draws: `sigma`.
    """

    kernel_size: Size
    sigma: float | Interval = (0.1, 2.0)

    stage: ClassVar[Stage] = Stage.COLOUR

    def __post_init__(self) -> None:
        self._store(
            kernel_size=check.kernel_size(self, "kernel_size", self.kernel_size),
            sigma=check.spread(self, "sigma", self.sigma),
        )

    def lower(self) -> Lowered:
        return "gaussian_blur", floats(check.pair(self.kernel_size), self.sigma)

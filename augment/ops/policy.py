"""Learned and random policies: ops that draw which of fifteen changes they make, as torchvision's on PIL images."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from . import arguments as check
from . import warp_arguments as check_warp
from .base import Lowered, Op, Stage, floats
from .values import is_int
from .warp_arguments import INTERPOLATIONS

__all__ = ["WARPS", "AutoAugment", "PolicyOp", "RandAugment", "TrivialAugmentWide"]

Fill: TypeAlias = int | Sequence[int] | None
"""Grey level or (R, G, B) of pixels that come from outside the image; None is black."""

MAX_OPS = 64
MAX_BINS = 65_536
DEFAULT_MAGNITUDE = 9
POLICIES = ("imagenet", "cifar10", "svhn")
"""In the core's numbering."""


class PolicyOp(enum.IntEnum):
    """What a policy may do to an image, by its number in parameter tables; `penstock._core.policy_ops` has the same.

    With each, what its magnitude is. Warps fill what comes from outside the image with the policy's `fill`.
    """

    IDENTITY = 0
    """Nothing; magnitude 0."""
    SHEAR_X = 1
    """Tangent of the angle, about the image's corner; rows move by it times their distance from the top."""
    SHEAR_Y = 2
    """Tangent of the angle, about the image's corner."""
    TRANSLATE_X = 3
    """Pixels to the right; the fraction is cut off."""
    TRANSLATE_Y = 4
    """Pixels down; the fraction is cut off."""
    ROTATE = 5
    """Degrees counterclockwise, about the image's centre."""
    BRIGHTNESS = 6
    """Factor of `PIL.ImageEnhance.Brightness`, less 1."""
    COLOR = 7
    """Factor of `PIL.ImageEnhance.Color`, less 1."""
    CONTRAST = 8
    """Factor of `PIL.ImageEnhance.Contrast`, less 1."""
    SHARPNESS = 9
    """Factor of `PIL.ImageEnhance.Sharpness`, less 1."""
    POSTERIZE = 10
    """Bits that are kept."""
    SOLARIZE = 11
    """The lowest value that is inverted."""
    AUTO_CONTRAST = 12
    """Magnitude 0."""
    EQUALIZE = 13
    """Magnitude 0."""
    INVERT = 14
    """Magnitude 0."""


WARPS = frozenset({PolicyOp.SHEAR_X, PolicyOp.SHEAR_Y, PolicyOp.TRANSLATE_X, PolicyOp.TRANSLATE_Y, PolicyOp.ROTATE})
"""Those that move pixels."""


@dataclass(frozen=True, slots=True)
class RandAugment(Op):
    """`num_ops` random changes one after the other, all of one strength; `torchvision.transforms.RandAugment`.

    Source: Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space", 2019. Each
    is one of the `PolicyOp`s, `INVERT` excepted, every one alike; where a change has a direction, either alike.

    Args:
        num_ops: how many changes, 0 to 64; the same may come twice.
        magnitude: which of the strengths, 0 to `num_magnitude_bins` - 1.
        num_magnitude_bins: strengths from nothing to the strongest, at least 2.
        interpolation: "nearest", "bilinear" or "bicubic", of warps.
        fill: grey level, or (R, G, B), from 0 to 255, of what warps bring in; None is black. Stored as three.

    Draws: `op_0`, `op_1` ..., numbers of `PolicyOp`; `magnitude_0`, `magnitude_1` ..., how strong, with its sign.
    """

    num_ops: int = 2
    magnitude: int = DEFAULT_MAGNITUDE
    num_magnitude_bins: int = 31
    interpolation: str = "nearest"
    fill: Fill = None

    stage: ClassVar[Stage] = Stage.GEOMETRY
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        bins = check.integer(self, "num_magnitude_bins", self.num_magnitude_bins, 2, MAX_BINS)
        self._store(
            num_ops=check.integer(self, "num_ops", self.num_ops, 0, MAX_OPS),
            magnitude=_magnitude(self, bins),
            num_magnitude_bins=bins,
            interpolation=check_warp.interpolation(self, "interpolation", self.interpolation),
            fill=_colour(self),
        )

    def lower(self) -> Lowered:
        own = (self.num_ops, self.magnitude, self.num_magnitude_bins)
        return "rand_augment", floats(own, _sampling(self))


@dataclass(frozen=True, slots=True)
class TrivialAugmentWide(Op):
    """One random change of random strength; `torchvision.transforms.TrivialAugmentWide`.

    Source: Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", ICCV 2021. It is
    one of the `PolicyOp`s, `INVERT` excepted, every one alike; where it has a direction, either alike. The strongest
    is stronger than `RandAugment`'s.

    Args:
        num_magnitude_bins: strengths from nothing to the strongest, at least 2; every one alike.
        interpolation, fill: as of `RandAugment`.

    Draws: `op_0`, a number of `PolicyOp`; `magnitude_0`, how strong, with its sign.
    """

    num_magnitude_bins: int = 31
    interpolation: str = "nearest"
    fill: Fill = None

    stage: ClassVar[Stage] = Stage.GEOMETRY

    def __post_init__(self) -> None:
        self._store(
            num_magnitude_bins=check.integer(self, "num_magnitude_bins", self.num_magnitude_bins, 2, MAX_BINS),
            interpolation=check_warp.interpolation(self, "interpolation", self.interpolation),
            fill=_colour(self),
        )

    def lower(self) -> Lowered:
        return "trivial_augment_wide", floats(self.num_magnitude_bins, _sampling(self))


@dataclass(frozen=True, slots=True)
class AutoAugment(Op):
    """One of 25 learned pairs of changes, each made with its probability; `torchvision.transforms.AutoAugment`.

    Source: Cubuk et al., "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019.

    Args:
        policy: which data set it was learned on: "imagenet", "cifar10" or "svhn", also as torchvision's
            `AutoAugmentPolicy`.
        interpolation, fill: as of `RandAugment`.

    Draws: `sub_policy`, which of the 25 pairs; for both its changes (k = 0, 1) `op_k`, a number of `PolicyOp`,
    `IDENTITY` where it is left out, and `magnitude_k`, how strong, with its sign.
    """

    policy: str = "imagenet"
    interpolation: str = "nearest"
    fill: Fill = None

    stage: ClassVar[Stage] = Stage.GEOMETRY
    draws_by_size: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._store(
            policy=check.choice(self, "policy", getattr(self.policy, "value", self.policy), POLICIES),
            interpolation=check_warp.interpolation(self, "interpolation", self.interpolation),
            fill=_colour(self),
        )

    def lower(self) -> Lowered:
        return "auto_augment", floats(POLICIES.index(self.policy), _sampling(self))


def _magnitude(op: RandAugment, bins: int) -> int:
    if is_int(op.magnitude) and op.magnitude == DEFAULT_MAGNITUDE >= bins:
        fix = f"give magnitude too, from 0 to {bins - 1}"
        expected = f"more than magnitude, which is {DEFAULT_MAGNITUDE} if left out"
        raise check.refusal(op, "num_magnitude_bins", expected, bins, fix)
    return check.integer(op, "magnitude", op.magnitude, 0, bins - 1)


def _colour(op: RandAugment | TrivialAugmentWide | AutoAugment) -> tuple[int, int, int]:
    return check.colour(op, "fill", 0 if op.fill is None else op.fill)


def _sampling(op: RandAugment | TrivialAugmentWide | AutoAugment) -> tuple[float, ...]:
    return floats(INTERPOLATIONS[op.interpolation], op.fill or (0, 0, 0))

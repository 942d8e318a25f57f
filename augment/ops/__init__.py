"""The ops that a pipeline is declared with, one module per family."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...errors import SpecError
from .base import Op, every_op
from .colour import (
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from .conversion import Normalize, ToDtype
from .crops import FiveCrop, TenCrop
from .erasing import Cutout, RandomErasing
from .functions import Lambda
from .geometry import CenterCrop, RandomHorizontalFlip, RandomResizedCrop, RandomVerticalFlip, Resize
from .groups import MAX_DEPTH, Apply, Choice
from .jitter import ColorJitter, GaussianBlur
from .mixing import CutMix, MixUp
from .padding import Pad, RandomCrop
from .policy import AutoAugment, RandAugment, TrivialAugmentWide
from .shifts import PCALighting, RandomHSL
from .values import shown
from .warp import RandomAffine, RandomPerspective, RandomRotation

__all__ = [
    "OPS",
    "Apply",
    "AutoAugment",
    "CenterCrop",
    "Choice",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "FiveCrop",
    "GaussianBlur",
    "Grayscale",
    "Lambda",
    "MixUp",
    "Normalize",
    "Op",
    "PCALighting",
    "Pad",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomAutocontrast",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHSL",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
    "ToDtype",
    "TrivialAugmentWide",
    "every_op",
    "op_from_dict",
]

OPS: dict[str, type[Op]] = {
    op.__name__: op
    for op in (
        Apply,
        AutoAugment,
        CenterCrop,
        Choice,
        ColorJitter,
        CutMix,
        Cutout,
        FiveCrop,
        GaussianBlur,
        Grayscale,
        Lambda,
        MixUp,
        Normalize,
        PCALighting,
        Pad,
        RandAugment,
        RandomAdjustSharpness,
        RandomAffine,
        RandomAutocontrast,
        RandomCrop,
        RandomEqualize,
        RandomErasing,
        RandomGrayscale,
        RandomHSL,
        RandomHorizontalFlip,
        RandomInvert,
        RandomPerspective,
        RandomPosterize,
        RandomResizedCrop,
        RandomRotation,
        RandomSolarize,
        RandomVerticalFlip,
        Resize,
        TenCrop,
        ToDtype,
        TrivialAugmentWide,
    )
}
"""Every op by its name."""


MAX_LISTS = 2
"""How deep arguments hold lists in lists."""


def op_from_dict(data: Mapping[str, Any], depth: int = 0) -> Op:
    """The op that `Op.to_dict` described; arguments left out take their defaults.

    Args:
        data: the description.
        depth: how many ops lie around this one.

    Raises:
        SpecError: an unknown op or argument, a missing or a bad one.
    """
    if not isinstance(data, Mapping) or "op" not in data:
        raise SpecError(f"an op must be a mapping with a key 'op', got {shown(data)}; write it as Op.to_dict() does")
    if depth > MAX_DEPTH:
        raise SpecError(f"an op must be at most {MAX_DEPTH} deep in others, got more; nest them less")
    arguments = {name: value for name, value in data.items() if name != "op"}
    kind = OPS.get(data["op"]) if isinstance(data["op"], str) else None
    if kind is None:
        raise SpecError(f"unknown op {shown(data['op'])}; known ops are {', '.join(sorted(OPS))}")
    fields = dataclasses.fields(kind)
    known = [field.name for field in fields]
    unknown = sorted(str(name) for name in arguments if name not in known)
    if unknown:
        raise SpecError(f"{kind.__name__}: unknown argument {unknown[0]!r}; it takes {', '.join(known)}")
    missing = [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in arguments]
    if missing:
        raise SpecError(f"{kind.__name__}: argument {missing[0]!r} is missing; it takes {', '.join(known)}")
    return kind(**{name: _revived(f"{kind.__name__}: {name}", value, depth) for name, value in arguments.items()})


def _revived(place: str, value: Any, depth: int, lists: int = 0) -> Any:
    """An argument as `to_dict` wrote it, with its ops in place of what describes them."""
    if isinstance(value, Mapping):
        return op_from_dict(value, depth + 1)
    if lists > MAX_LISTS:
        raise SpecError(
            f"{place} holds lists more than {MAX_LISTS} deep, as no op has them; write it as to_dict() does"
        )
    return [_revived(place, each, depth, lists + 1) for each in value] if isinstance(value, (list, tuple)) else value

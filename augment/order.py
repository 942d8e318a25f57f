"""Which op may follow which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _core
from ..errors import SpecError
from .ops.arguments import pair
from .ops.base import Op, Stage, every_op, lower_ops
from .ops.conversion import ToDtype
from .ops.crops import Crops
from .ops.erasing import Cutout, RandomErasing
from .ops.geometry import CenterCrop, RandomResizedCrop, Resize
from .ops.padding import Pad, RandomCrop

__all__ = ["check_crops", "check_order"]

_ANY_LENGTH = 2**31
"""Longer than any side of an image."""

_SIZING = (CenterCrop, Crops, Pad, RandomCrop, RandomResizedCrop, Resize)
"""Ops that change the size of images."""


def check_order(ops: Sequence[Op]) -> None:
    """Refuses ops in an order without a meaning.

    In order: geometry and colours, at most one ToDtype, at most one Normalize, erasing, at most one that mixes batches.
    Functions may be anywhere before the latter.

    Raises:
        SpecError: names the op, its position (from 0) and where to move it.
    """
    for position, op in enumerate(ops):
        before = ops[:position]
        if op.stage is Stage.FUNCTION:
            _check_function(op, position, before)
            continue
        _check_finished(op, position, before)
        if op.stage is Stage.ERASE:
            _check_erased_values(op, position, before)
            _check_no_function(op, position, before)
        elif op.stage in (Stage.GEOMETRY, Stage.COLOUR, Stage.CROPS):
            _check_pixels(op, position, before)
        else:
            _check_single(op, position, before)
        if op.stage in (Stage.CROPS, Stage.BATCH):
            _check_not_cropped(op, position, before)
        if op.stage is Stage.DTYPE:
            _check_dtype(op, position, before)
        if op.stage is Stage.NORMALIZE:
            _check_normalize(op, position, before)


def check_crops(ops: Sequence[Op]) -> None:
    """Refuses crops that are larger than their image, where the ops before say how large that is.

    Raises:
        SpecError: names the size of both, and what to do.
    """
    _check_crops_after((), ops)


def _check_crops_after(before: tuple[Op, ...], ops: Sequence[Op]) -> None:
    for op in ops:
        if isinstance(op, RandomCrop | Crops):
            known = _core.Program([lowered for _, lowered in lower_ops(before)]).output_size
            if known is not None:
                op.check_fits(*known)
            _check_shorter_side(op, before)
        for branch in op.branches:
            _check_crops_after(before, branch)
        before = (*before, op)


def _check_shorter_side(op: RandomCrop | Crops, before: Sequence[Op]) -> None:
    """Refuses a crop that no image fits after a `Resize` of its shorter side."""
    resize = _last_resize(before)
    if resize is None or not isinstance(resize.size, int):
        return
    short, long = resize.size, resize.max_size or _ANY_LENGTH
    if not (_fits(op, short, long) or _fits(op, long, short)):
        raise SpecError(
            f"{_name(op)}: size must fit the image, whose shorter side is {short} pixels after {resize!r}, got "
            f"{pair(op.size)}; give a smaller size, or a larger one to Resize"
        )


def _last_resize(before: Sequence[Op]) -> Resize | None:
    """The `Resize` that sizes are from at the end; None where it is another op."""
    for op in reversed(before):
        if any(isinstance(each, _SIZING) for each in every_op([op])):
            return op if isinstance(op, Resize) else None
    return None


def _fits(op: RandomCrop | Crops, height: int, width: int) -> bool:
    try:
        op.check_fits(height, width)
    except SpecError:
        return False
    return True


def _name(op: Op) -> str:
    return type(op).__name__


def _first(ops: Sequence[Op], *stages: Stage) -> int | None:
    return next((position for position, op in enumerate(ops) if op.stage in stages), None)


def _check_finished(op: Op, position: int, before: Sequence[Op]) -> None:
    late = _first(before, *(stage for stage in (Stage.ERASE, Stage.BATCH) if stage > op.stage))
    if late is not None:
        works_on = "finished batches" if before[late].stage is Stage.BATCH else "the finished result"
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {_name(before[late])} at position {late}, which "
            f"works on {works_on}; move {_name(op)} before {_name(before[late])}"
        )


def _check_function(op: Op, position: int, before: Sequence[Op]) -> None:
    crops = _first(before, Stage.CROPS)
    if crops is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {_name(before[crops])} at position {crops}, and "
            f"functions take one image; move {_name(op)} before {_name(before[crops])}"
        )
    mixing = _first(before, Stage.BATCH)
    if mixing is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {_name(before[mixing])} at position {mixing}, "
            f"which works on finished batches; move {_name(op)} before {_name(before[mixing])}"
        )


def _check_no_function(op: Op, position: int, before: Sequence[Op]) -> None:
    conversions = (place for place, op in enumerate(before) if isinstance(op, ToDtype) and op.dtype != "uint8")
    floats = next(conversions, position)
    late = next((place for place in range(floats, position) if before[place].stage is Stage.FUNCTION), None)
    if late is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {_name(before[late])} at position {late}, a "
            f"function on floats; move {_name(before[late])} behind {_name(op)}"
        )


def _check_erased_values(op: Op, position: int, before: Sequence[Op]) -> None:
    value = op.value if isinstance(op, RandomErasing | Cutout) else 0.0
    dtype = next((known.dtype for known in before if isinstance(known, ToDtype)), "uint8")
    if dtype != "uint8":
        return
    if isinstance(value, str):
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} has value={value!r}, normal noise, which needs floats, and "
            f"works on uint8 there; put ToDtype('float32', scale=True) before it, or give value=0"
        )
    if any(not 0 <= number <= 255 or number != int(number) for number in np.ravel(value)):
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} works on uint8 there, so its value must be whole numbers "
            f"from 0 to 255, got {value!r}; change it, or put ToDtype('float32', scale=True) before it"
        )


def _check_pixels(op: Op, position: int, before: Sequence[Op]) -> None:
    late = _first(before, Stage.DTYPE, Stage.NORMALIZE)
    if late is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {_name(before[late])} at position {late}, "
            f"but works on uint8 images; move {_name(op)} before {_name(before[late])}"
        )


def _check_not_cropped(op: Op, position: int, before: Sequence[Op]) -> None:
    earlier = _first(before, Stage.CROPS)
    if earlier is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {_name(before[earlier])} at position {earlier}, "
            f"which makes several crops of each image; keep one of the two"
        )


def _check_single(op: Op, position: int, before: Sequence[Op]) -> None:
    earlier = _first(before, op.stage)
    if earlier is not None and type(before[earlier]) is not type(op):
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} is the second op that mixes batches, after "
            f"{_name(before[earlier])} at position {earlier}; keep one of the two"
        )
    if earlier is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} is there twice, at positions {earlier} and {position}; keep one of the two"
        )


def _check_dtype(op: Op, position: int, before: Sequence[Op]) -> None:
    late = _first(before, Stage.NORMALIZE)
    if late is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after Normalize at position {late}, which needs "
            f"floats; move {_name(op)} before Normalize"
        )


def _check_normalize(op: Op, position: int, before: Sequence[Op]) -> None:
    dtype = next((known for known in before if isinstance(known, ToDtype)), None)
    if dtype is None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} needs floats, and no ToDtype comes before it; put "
            f"ToDtype('float32', scale=True) before it"
        )
    if dtype.dtype == "uint8":
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} needs floats, but ToDtype('uint8') at position "
            f"{before.index(dtype)} gives uint8; make it ToDtype('float32', scale=True)"
        )

"""Which op may follow which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _core
from ..errors import DecodeError, SpecError
from .ops.arguments import MAX_SIDE_PX, pair
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


class _Before:
    """What comes before an op, as far as the order of ops depends on it.

    Attributes:
        ops: all of the pipeline.
        first: where the first op of each stage is.
        function: where the first function on floats is; None where there is none.
    """

    def __init__(self, ops: Sequence[Op]) -> None:
        self.ops = ops
        self.first: dict[Stage, int] = {}
        self.function: int | None = None

    @property
    def dtype(self) -> ToDtype | None:
        op = self.ops[self.first[Stage.DTYPE]] if Stage.DTYPE in self.first else None
        return op if isinstance(op, ToDtype) else None

    def first_of(self, *stages: Stage) -> int | None:
        return min((self.first[stage] for stage in stages if stage in self.first), default=None)

    def name(self, position: int) -> str:
        return _name(self.ops[position])

    def pass_by(self, op: Op, position: int) -> None:
        self.first.setdefault(op.stage, position)
        on_floats = self.dtype is not None and self.dtype.dtype != "uint8"
        if op.stage is Stage.FUNCTION and on_floats and self.function is None:
            self.function = position


def check_order(ops: Sequence[Op]) -> None:
    """Refuses ops in an order without a meaning.

    In order: geometry and colours, at most one ToDtype, at most one Normalize, erasing, at most one that mixes batches.
    Functions may be anywhere before the latter.

    Raises:
        SpecError: names the op, its position (from 0) and where to move it.
    """
    before = _Before(ops)
    for position, op in enumerate(ops):
        _check_place(op, position, before)
        before.pass_by(op, position)


def _check_place(op: Op, position: int, before: _Before) -> None:
    if op.stage is Stage.FUNCTION:
        _check_function(op, position, before)
        return
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


class _SizeBefore:
    """What is known about the sizes of images before an op.

    Attributes:
        sizing: ops that give the size that is known; none where it is not.
        resize: the `Resize` that sizes are from, or None.
    """

    def __init__(self, sizing: tuple[Op, ...] = (), resize: Resize | None = None) -> None:
        self.sizing = sizing
        self.resize = resize

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of every image, if it is the same; SpecError where no image may be so large."""
        try:
            return _core.Program([lowered for _, lowered in lower_ops(self.sizing)]).output_size
        except DecodeError as error:
            raise SpecError(f"Pipeline: {error}") from error

    def after(self, op: Op) -> _SizeBefore:
        if not any(isinstance(each, _SIZING) for each in every_op([op])):
            return self
        after = _SizeBefore((*self.sizing, op), op if isinstance(op, Resize) else None)
        size = after.size
        if size is None:
            after.sizing = ()
        elif max(size) <= MAX_SIDE_PX:
            after.sizing = (Resize(size),)
        return after


def check_crops(ops: Sequence[Op]) -> None:
    """Refuses crops that are larger than their image, where the ops before say how large that is.

    Raises:
        SpecError: names the size of both, and what to do.
    """
    _check_crops_after(_SizeBefore(), ops)


def _check_crops_after(before: _SizeBefore, ops: Sequence[Op]) -> None:
    for op in ops:
        if isinstance(op, RandomCrop | Crops):
            known = before.size
            if known is not None:
                op.check_fits(*known)
            _check_shorter_side(op, before.resize)
        for branch in op.branches:
            _check_crops_after(before, branch)
        before = before.after(op)


def _check_shorter_side(op: RandomCrop | Crops, resize: Resize | None) -> None:
    """Refuses a crop that no image fits after a `Resize` of its shorter side."""
    if resize is None or not isinstance(resize.size, int):
        return
    short, long = resize.size, resize.max_size or _ANY_LENGTH
    if not (_fits(op, short, long) or _fits(op, long, short)):
        raise SpecError(
            f"{_name(op)}: size must fit the image, whose shorter side is {short} pixels after {resize!r}, got "
            f"{pair(op.size)}; give a smaller size, or a larger one to Resize"
        )


def _fits(op: RandomCrop | Crops, height: int, width: int) -> bool:
    try:
        op.check_fits(height, width)
    except SpecError:
        return False
    return True


def _name(op: Op) -> str:
    return type(op).__name__


def _check_finished(op: Op, position: int, before: _Before) -> None:
    late = before.first_of(*(stage for stage in (Stage.ERASE, Stage.BATCH) if stage > op.stage))
    if late is not None:
        works_on = "finished batches" if before.ops[late].stage is Stage.BATCH else "the finished result"
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {before.name(late)} at position {late}, which "
            f"works on {works_on}; move {_name(op)} before {before.name(late)}"
        )


def _check_function(op: Op, position: int, before: _Before) -> None:
    crops = before.first_of(Stage.CROPS)
    if crops is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {before.name(crops)} at position {crops}, and "
            f"functions take one image; move {_name(op)} before {before.name(crops)}"
        )
    mixing = before.first_of(Stage.BATCH)
    if mixing is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {before.name(mixing)} at position {mixing}, "
            f"which works on finished batches; move {_name(op)} before {before.name(mixing)}"
        )


def _check_no_function(op: Op, position: int, before: _Before) -> None:
    late = before.function
    if late is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {before.name(late)} at position {late}, a "
            f"function on floats; move {before.name(late)} behind {_name(op)}"
        )


def _check_erased_values(op: Op, position: int, before: _Before) -> None:
    value = op.value if isinstance(op, RandomErasing | Cutout) else 0.0
    if before.dtype is not None and before.dtype.dtype != "uint8":
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


def _check_pixels(op: Op, position: int, before: _Before) -> None:
    late = before.first_of(Stage.DTYPE, Stage.NORMALIZE)
    if late is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {before.name(late)} at position {late}, "
            f"but works on uint8 images; move {_name(op)} before {before.name(late)}"
        )


def _check_not_cropped(op: Op, position: int, before: _Before) -> None:
    earlier = before.first_of(Stage.CROPS)
    if earlier is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after {before.name(earlier)} at position {earlier}, "
            f"which makes several crops of each image; keep one of the two"
        )


def _check_single(op: Op, position: int, before: _Before) -> None:
    earlier = before.first_of(op.stage)
    if earlier is not None and type(before.ops[earlier]) is not type(op):
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} is the second op that mixes batches, after "
            f"{before.name(earlier)} at position {earlier}; keep one of the two"
        )
    if earlier is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} is there twice, at positions {earlier} and {position}; keep one of the two"
        )


def _check_dtype(op: Op, position: int, before: _Before) -> None:
    late = before.first_of(Stage.NORMALIZE)
    if late is not None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} comes after Normalize at position {late}, which needs "
            f"floats; move {_name(op)} before Normalize"
        )


def _check_normalize(op: Op, position: int, before: _Before) -> None:
    dtype = before.dtype
    if dtype is None:
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} needs floats, and no ToDtype comes before it; put "
            f"ToDtype('float32', scale=True) before it"
        )
    if dtype.dtype == "uint8":
        raise SpecError(
            f"Pipeline: {_name(op)} at position {position} needs floats, but ToDtype('uint8') at position "
            f"{before.first[Stage.DTYPE]} gives uint8; make it ToDtype('float32', scale=True)"
        )

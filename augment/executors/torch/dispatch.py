"""Which function runs which op: modules of a family register theirs with `apply_op.register`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....errors import SpecError
from ...ops import Op, every_op
from ...params import drawn_inside
from .images import Images

__all__ = ["Drawn", "apply_op", "apply_ops", "check_ops"]

Drawn: TypeAlias = Mapping[str, NDArray[np.float64]]
"""What one op drew, and those inside it: a number for each sample, by field, on the host."""


@singledispatch
def apply_op(op: Op, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (registered functions take all)
    """The images that leave `op`; SpecError for one that nobody registered."""
    raise refusal(op)


def apply_ops(ops: Iterable[Op], images: Images, drawn: Drawn, first: int = 0) -> Images:
    """The images that leave the last of these ops.

    Args:
        ops: what is applied.
        images: to these, or to crops of them, which follow each other and share what is drawn.
        drawn: by all ops, by "<position>.<field>".
        first: position of the first op.
    """
    for position, op in enumerate(ops, first):
        crops = len(images) // len(next(iter(drawn.values()), images))
        own = {name: column.repeat(crops) for name, column in drawn_inside(drawn, position).items()}
        images = apply_op(op, images, own)
    return images


def check_ops(ops: Iterable[Op]) -> None:
    """SpecError for an op, also inside others, that nobody registered."""
    for op in every_op(ops):
        if apply_op.dispatch(type(op)) is apply_op.dispatch(object):
            raise refusal(op)


def refusal(op: Op) -> SpecError:
    """Names the op, and those that can be run."""
    known = ", ".join(sorted(kind.__name__ for kind in apply_op.registry if kind is not object))
    return SpecError(
        f"TorchExecutor can't run {type(op).__name__}; it runs {known}. Leave {type(op).__name__} out, or take the "
        f"native executor"
    )

"""Which function runs which op: modules of a family register theirs with `apply_op.register`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ....errors import SpecError
from ...ops import Op
from ...params import ParamTable
from ...pipeline import Pipeline
from .images import Images

__all__ = ["Drawn", "apply_op", "check_ops", "drawn_by"]

Drawn: TypeAlias = Mapping[str, NDArray[np.float64]]
"""What one op drew for each sample, by field, on the host."""


@singledispatch
def apply_op(op: Op, images: Images, drawn: Drawn) -> Images:  # noqa: ARG001  (registered functions take all)
    """The images that leave `op`; SpecError for one that nobody registered."""
    raise refusal(op)


def check_ops(pipeline: Pipeline) -> None:
    """SpecError for an op that nobody registered."""
    for op in pipeline:
        if apply_op.dispatch(type(op)) is apply_op.dispatch(object):
            raise refusal(op)


def refusal(op: Op) -> SpecError:
    """Names the op, and those that can be run."""
    known = ", ".join(sorted(kind.__name__ for kind in apply_op.registry if kind is not object))
    return SpecError(
        f"TorchExecutor can't run {type(op).__name__}; it runs {known}. Leave {type(op).__name__} out, or take the "
        f"native executor"
    )


def drawn_by(params: ParamTable, position: int) -> Drawn:
    """The columns that belong to the op at `position`."""
    prefix = f"{position}."
    values: dict[str, Any] = {
        name.removeprefix(prefix): column
        for name, column in zip(params.columns, params.values.T, strict=True)
        if name.startswith(prefix)
    }
    return values

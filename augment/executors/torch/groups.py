"""Ops that hold ops: each list of them runs on the images that drew it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...ops import Apply, Choice, Op
from ...params import drawn_inside
from .dispatch import Drawn, apply_op, apply_ops
from .images import Images, assembled

__all__: list[str] = []


@apply_op.register
def _apply(op: Apply, images: Images, drawn: Drawn) -> Images:
    return _by_branch([(), op.ops], drawn["apply"], images, [{}, drawn])


@apply_op.register
def _choice(op: Choice, images: Images, drawn: Drawn) -> Images:
    inside = [drawn_inside(drawn, place) for place in range(len(op.choices))]
    # An op that is no list has no position inside its place.
    named = [
        {f"0.{name}": column for name, column in columns.items()} if isinstance(choice, Op) else columns
        for choice, columns in zip(op.choices, inside, strict=True)
    ]
    return _by_branch(op.branches, drawn["choice"], images, named)


def _by_branch(
    branches: Sequence[Sequence[Op]], which: NDArray[np.float64], images: Images, drawn: Sequence[Drawn]
) -> Images:
    """The images, each behind the ops of the branch that is its own; `drawn` is of each branch, for all images."""
    parts = []
    for number, (ops, columns) in enumerate(zip(branches, drawn, strict=True)):
        rows = np.flatnonzero(which == number)
        if len(rows):
            own = {name: column[rows] for name, column in columns.items()}
            parts.append((rows, apply_ops(ops, images.take(rows), own)))
    return assembled(parts)

"""Which function runs which op: modules of a family register theirs with `apply_op.register`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from ....errors import SpecError
from ...ops import Op, every_op
from ...ops.base import Stage
from ...params import drawn_inside
from .images import Images

__all__ = ["Drawn", "apply_op", "apply_ops", "check_ops"]

Drawn: TypeAlias = Mapping[str, NDArray[np.float64]]
"""What one op drew, and those inside it: a number for each sample, by field, on the host."""


NO_MEMORY = "there is no memory"


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

    Raises:
        RuntimeError: there is no memory for an op; torch's own type, and the message names the op.
    """
    for position, op in enumerate(ops, first):
        crops = len(images) // len(next(iter(drawn.values()), images))
        own = {name: column.repeat(crops) for name, column in drawn_inside(drawn, position).items()}
        try:
            images = apply_op(op, images, own)
        except RuntimeError as error:
            # Of ops in groups, the innermost is named.
            if str(error).startswith(NO_MEMORY) or not _is_out_of_memory(error):
                raise
            # Of the same type, for those who wait for just that.
            raise type(error)(_too_large(op, images, error)) from error
    return images


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.cuda.OutOfMemoryError) or "you tried to allocate" in str(error)


def _too_large(op: Op, images: Images, error: RuntimeError) -> str:
    height, width = images.pixels.shape[2:]
    reason = str(error).splitlines()[0].rpartition("] ")[2]
    return (
        f"{NO_MEMORY} on {images.device} for {type(op).__name__} of {len(images)} images of up to "
        f"{height}x{width}: {reason}; take smaller batches, or make images smaller before it"
    )


def check_ops(ops: Iterable[Op]) -> None:
    """SpecError for an op, also inside others, that nobody registered."""
    for op in every_op(ops):
        if apply_op.dispatch(type(op)) is apply_op.dispatch(object):
            raise refusal(op)


def refusal(op: Op) -> SpecError:
    """Names the op, why it can't be run, and what to do."""
    name = type(op).__name__
    why = "which calls Python on single images" if op.stage is Stage.FUNCTION else "which has no kernel for tensors"
    return SpecError(f"TorchExecutor can't run {name}, {why}; leave {name} out, or take the native executor")

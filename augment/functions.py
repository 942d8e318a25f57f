"""Pipelines with Python functions in them: native programs and functions, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .ops import Lambda, Normalize, Op, ToDtype
from .ops.base import lower_ops

__all__ = ["Turns"]

Pixels: TypeAlias = NDArray[Any]
"""(height, width, 3) uint8, or (3, height, width) float32."""

Turn: TypeAlias = Callable[[Pixels, NDArray[np.float64]], Pixels]
"""What comes after some pixels, with the parameters of the whole pipeline."""


class Turns:
    """The ops of a pipeline with functions, in an order that is known to be valid. Thread-safe as the functions are.

    Args:
        ops: of the pipeline.
        dtype: of its results.
    """

    def __init__(self, ops: Sequence[Op], dtype: str) -> None:
        self._turns = list(_turns(ops))
        self._dtype = dtype

    def apply(self, image: NDArray[np.uint8], row: NDArray[np.float64]) -> Pixels:
        """As `_core.Program.apply`; also raises what the functions raise."""
        pixels: Pixels = image
        for turn in self._turns:
            pixels = turn(pixels, row)
        chw = pixels.transpose(2, 0, 1) if _is_hwc(pixels) else pixels
        return np.array(chw, self._dtype, order="C")


def _is_hwc(pixels: Pixels) -> bool:
    return pixels.dtype == np.uint8 and pixels.ndim == 3  # several crops are finished images


def _turns(ops: Sequence[Op]) -> Iterator[Turn]:
    column, floats = 0, False
    for is_function, group in groupby(ops, lambda op: isinstance(op, Lambda)):
        part = list(group)
        if is_function:
            yield from (partial(_call, op) for op in part if isinstance(op, Lambda))
        elif floats:  # programs begin with uint8
            yield from (partial(_normalize, op) for op in part if isinstance(op, Normalize))
        else:
            program = _core.Program([lowered for _, lowered in lower_ops(map(_in_float32, part))])
            yield partial(_run, program, slice(column, column + len(program.columns)))
            column += len(program.columns)
            floats = program.dtype != "uint8"


def _in_float32(op: Op) -> Op:
    # Rounding to float16 comes last, after all arithmetic in float32.
    return replace(op, dtype="float32") if isinstance(op, ToDtype) and op.dtype == "float16" else op


def _run(program: _core.Program, columns: slice, pixels: Pixels, row: NDArray[np.float64]) -> Pixels:
    made: Pixels = program.apply(np.ascontiguousarray(pixels), row[columns])
    return made.transpose(1, 2, 0) if _is_hwc(made) else made


def _call(op: Lambda, pixels: Pixels, row: NDArray[np.float64]) -> Pixels:  # noqa: ARG001  (draws nothing)
    return op.call(pixels)


def _normalize(op: Normalize, pixels: Pixels, row: NDArray[np.float64]) -> Pixels:  # noqa: ARG001  (draws nothing)
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (op.mean, op.std))
    normalized: Pixels = (pixels - mean) / std
    return normalized

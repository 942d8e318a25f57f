"""Comparing results that may differ by a grey level for each resize."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.augment import Normalize, Op, Pipeline, RandomResizedCrop, ReferenceExecutor, Resize, ToDtype
from penstock.augment.ops import every_op


def moves(pipeline: Pipeline) -> Pipeline:
    """What `pipeline` does before its conversion, in the same places, so that it draws the same numbers."""
    return Pipeline([op for op in pipeline if not isinstance(op, ToDtype | Normalize)])


def conversion(pipeline: Pipeline) -> list[Op]:
    """The rest."""
    return [op for op in pipeline if isinstance(op, ToDtype | Normalize)]


def resize_count(pipeline: Pipeline) -> int:
    return sum(isinstance(op, RandomResizedCrop | Resize) for op in every_op(pipeline))


def converted(image_chw: NDArray[np.uint8], ops: list[Op]) -> NDArray[Any]:
    """(3, height, width): what the reference makes of the pixels."""
    pipeline = Pipeline(ops)
    (result,) = ReferenceExecutor(pipeline).run([image_chw.transpose(1, 2, 0)], pipeline.params([0]))
    return result


def assert_close(result: NDArray[Any], expected_chw: NDArray[np.uint8], ops: list[Op], levels: int) -> None:
    """`result` is the conversion by `ops` of pixels that differ from those expected by up to `levels` grey levels.

    Conversions rise with the grey level, so that the bounds of levels give the bounds of results.
    """
    wide = expected_chw.astype(int)
    low, high = (converted((wide + step).clip(0, 255).astype(np.uint8), ops) for step in (-levels, levels))
    assert result.dtype == low.dtype
    assert result.shape == low.shape
    assert result.flags.c_contiguous
    assert (result >= low).all(), f"{(result < low).sum()} pixels are over {levels} levels too dark"
    assert (result <= high).all(), f"{(result > high).sum()} pixels are over {levels} levels too bright"

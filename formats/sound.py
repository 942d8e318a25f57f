"""Asking for samples of which some may be bad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..record import Records, RecordSource

if TYPE_CHECKING:
    from .base import Dataset

__all__ = ["name_of", "renumbered", "sound_records"]


def sound_records(
    source: RecordSource, indices: Sequence[int] | NDArray[np.int64]
) -> tuple[Records, NDArray[np.int64], list[tuple[int, RecordError]]]:
    """Those of the samples at `indices` whose records can be had.

    Returns:
        Their records; their rows, (n,) int64 positions in `indices`; and (row, error) of the others, by row. Each error
        costs another call of `source.records`.

    Raises:
        RecordError: one that does not say (by `.index`) which of the samples it is about.
    """
    chosen = np.asarray(indices, np.int64)
    rows = np.arange(len(chosen))
    failed: list[tuple[int, RecordError]] = []
    while True:
        try:
            return source.records(chosen[rows]), rows, sorted(failed, key=lambda pair: pair[0])
        except RecordError as error:
            bad = chosen[rows] == error.index
            if not bad.any():
                raise
            failed += [(row, error) for row in rows[bad].tolist()]
            rows = rows[~bad]


def name_of(dataset: Dataset, index: int) -> str:
    """`dataset.name(index)`; "" where that can't be read."""
    try:
        return dataset.name(index)
    except RecordError:
        return ""


def renumbered(error: RecordError, inner: NDArray[np.int64], outer: NDArray[np.int64]) -> RecordError:
    """The error of a dataset that was asked for the samples at `inner`, as that of a view that calls them `outer`."""
    (rows,) = np.nonzero(inner == error.index)
    if not len(rows):
        return error
    return error.at(error.source, int(outer[rows[0]])).with_traceback(error.__traceback__)

"""Indices as a user gives them, checked and counted from the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Indices", "checked_indices"]

Indices: TypeAlias = Sequence[int] | NDArray[np.integer[Any]]


def checked_indices(indices: Indices, size: int) -> NDArray[np.int64]:
    """`indices` (a sequence, array or tensor of ints, negative from the end) as int64 from 0 to `size` - 1.

    Raises:
        IndexError: an index is out of range.
        TypeError: not a sequence of ints; a boolean mask is refused too.
    """
    given = np.asarray(indices)
    if given.ndim == 1 and not given.size:
        return np.zeros(0, np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        got = type(indices).__name__ if given.ndim != 1 else f"a sequence of {given.dtype}"
        hint = "; turn a mask into indices with numpy.flatnonzero(mask)" if given.dtype.kind == "b" else ""
        raise TypeError(f"expected an int, a slice or a sequence of ints as the index, got {got}{hint}")
    outside = (given < -size) | (given >= size)
    if outside.any():
        raise IndexError(f"index {given[outside][0]} is out of range: the dataset has {size} samples")
    chosen = given.astype(np.int64)
    chosen[chosen < 0] += size
    return chosen

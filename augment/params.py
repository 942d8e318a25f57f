"""The table of drawn numbers: everything random about a batch, apart from its pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .ops.values import members, shown

__all__ = ["ParamTable", "drawn_inside"]


Number = TypeVar("Number")
"""What was drawn: a float, or an array of one for each sample."""


def drawn_inside(drawn: Mapping[str, Number], position: int) -> Mapping[str, Number]:
    """Of what was drawn by several ops, what the one at `position` drew: {"1.x": 3.0} gives {"x": 3.0} for 1."""
    prefix = f"{position}."
    return {name.removeprefix(prefix): value for name, value in drawn.items() if name.startswith(prefix)}


class ParamTable:
    """Drawn parameters of n samples, as named float64 columns; immutable.

    A column is named "<op position>.<field>": `table["0.x"]` is the left edge of the crop that the first op of the
    pipeline draws, for each sample; of an op inside `Apply` or `Choice` "<its group's>.<its position there>.<field>".
    `table.row(k)` is what an executor needs for sample k.

    Args:
        columns: their names.
        values: (n, len(columns)); copied.
    """

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: Sequence[str], values: NDArray[np.float64]) -> None:
        names = members(columns)
        if names is None or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise OptionError(f"columns must be a list of names, each of its own, got {shown(columns)}")
        table = _numbers(values)
        if table.ndim != 2 or table.shape[1] != len(names):
            raise OptionError(f"values must be (n, {len(names)}) for columns {list(names)}, got {table.shape}")
        table.setflags(write=False)
        self._columns: tuple[str, ...] = names
        self._values = table

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order of the ops."""
        return self._columns

    @property
    def values(self) -> NDArray[np.float64]:
        """(n, len(columns)), read-only."""
        return self._values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """(n,) one column by name, a read-only view; KeyError with the known names for another."""
        if column not in self._columns:
            raise KeyError(f"no column {column!r}; the table has {', '.join(self._columns) or 'none'}")
        return self._values[:, self._columns.index(column)]

    def row(self, sample: int) -> NDArray[np.float64]:
        """(len(columns),) the parameters of one sample, a read-only view in C order."""
        row: NDArray[np.float64] = self._values[sample]
        return row

    def drawn(self, sample: int, position: int) -> Mapping[str, float]:
        """What the op at `position` drew for one sample: {"x": 3.0, ...}; empty for an op that draws nothing.

        What the ops inside it drew is in it too: {"apply": 1.0, "0.x": 3.0, ...}; `drawn_inside` takes it apart.
        """
        row = self._values[sample]
        return drawn_inside(dict(zip(self._columns, map(float, row), strict=True)), position)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ParamTable):
            return NotImplemented
        return self._columns == other._columns and np.array_equal(self._values, other._values)

    __hash__ = None  # type: ignore[assignment]  # equal by value, and arrays have no cheap hash

    def __repr__(self) -> str:
        return f"ParamTable({len(self)} samples: {', '.join(self._columns) or 'nothing drawn'})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ParamTable, (self._columns, self._values)


def _numbers(values: object) -> NDArray[np.float64]:
    """A copy, float64 in C order."""
    try:
        return np.array(values, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise OptionError(f"values must be an array of numbers, got {shown(values)}: {error}") from error

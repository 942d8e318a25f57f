"""The table in a CSV or TSV file: its columns by header or position, and what is wrong with it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import DatasetError, DatasetNotFoundError
from .classes import listed

__all__ = ["Column", "Table"]

Column: TypeAlias = str | int
"""Header, or position from 0 (negative: from the end)."""

REPORTED_ROWS = 20
"""A message lists at most so many rows."""


class Table:
    """A CSV (or TSV, by its ending) with a header row, in UTF-8, read by pandas. Only an empty cell is a missing value.

    Attributes:
        path: the file.
        header: names of the columns.

    Raises:
        DatasetNotFoundError: the file is not there.
        DatasetError: it is no such table.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if not os.path.exists(path):
            raise DatasetNotFoundError(f"expected a CSV, but {path} is not there; check the path")
        first = self._parse(header=None, nrows=1, dtype=str)
        self.header: list[str] = [str(name).strip() for name in first.iloc[0]]
        self._frame = pd.DataFrame()

    def read(self, text_column: int) -> None:
        """Reads the rows below the header; the cells of `text_column` stay text."""
        names = list(range(len(self.header)))
        frame = self._parse(header=0, names=names, index_col=False, dtype={text_column: str}, low_memory=False)
        self._frame = frame.dropna(how="all")
        if not len(self._frame):
            raise DatasetError(f"{self.path} has the columns {listed(self.header)}, but no rows below the header")

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row number of each sample, as a spreadsheet counts: the header is row 1; blank lines count."""
        return self._frame.index.to_numpy(np.int64) + 2

    def position(self, column: Column, option: str) -> int:
        """The position of a column. Raises DatasetError where there is none, or several of that name."""
        if isinstance(column, int):
            if -len(self.header) <= column < len(self.header):
                return column % len(self.header)
            raise DatasetError(f"{self.path} has no column {column} ({option}=); it has {self._columns()}")
        if self.header.count(column) == 1:
            return self.header.index(column)
        many = f"{self.header.count(column)} columns" if column in self.header else "no column"
        hint = "; give its position instead" if column in self.header else ""
        raise DatasetError(f"{self.path} has {many} named {column!r} ({option}=); it has {self._columns()}{hint}")

    def find(self, known: Sequence[str], besides: int | None = None) -> int | None:
        """The position of the first of the `known` headers that is there, in any case, other than `besides`; None where
        there is none."""
        lowered = [name.lower() for name in self.header]
        return next((lowered.index(name) for name in known if name in lowered and lowered.index(name) != besides), None)

    def values(self, position: int) -> NDArray[Any]:
        """The cells of a column. Raises DatasetError where some are empty: all are reported."""
        column = self._frame[position]
        missing = np.flatnonzero(column.isna().to_numpy())
        if len(missing):
            raise DatasetError(
                f"{self.path} has {len(missing)} empty cells in column {self.header[position]!r}, in "
                f"{self.row_list(missing)}; fill them in, or remove those rows"
            )
        return np.asarray(column.to_numpy())

    def row_list(self, samples: NDArray[np.int64]) -> str:
        """ "row 3", or "rows 3, 7 ..." for these samples."""
        numbers = ", ".join(map(str, self.rows[samples[:REPORTED_ROWS]].tolist()))
        more = f" ... ({len(samples)} in all)" if len(samples) > REPORTED_ROWS else ""
        return f"{'rows' if len(samples) > 1 else 'row'} {numbers}{more}"

    def _columns(self) -> str:
        return f"the columns {listed(self.header, 30)}"

    def _parse(self, **options: Any) -> pd.DataFrame:
        separator = "\t" if self.path.lower().removesuffix(".gz").endswith(".tsv") else ","
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
                frame: pd.DataFrame = pd.read_csv(
                    self.path,
                    sep=separator,
                    encoding="utf-8-sig",
                    keep_default_na=False,
                    na_values=[""],
                    skip_blank_lines=False,
                    skipinitialspace=True,
                    **options,
                )
                return frame
        except pd.errors.EmptyDataError:
            raise DatasetError(f"{self.path} is empty: expected a header row and one row per image") from None
        except pd.errors.ParserWarning:
            raise DatasetError(
                f"{self.path} has rows with more cells than its header has columns ({listed(self.header)}); "
                "quote cells that hold a comma"
            ) from None
        except UnicodeDecodeError as error:
            raise DatasetError(f"{self.path} is not text in UTF-8: {error}; save it as a CSV in UTF-8") from None
        except (ValueError, OSError, EOFError) as error:
            raise DatasetError(f"{self.path} can't be read as a CSV: {str(error).strip()}") from error

"""Images listed in a CSV or TSV file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, UnknownClassError
from .base import Labels, Transform
from .classes import ClassesOption, class_list, fit_labels, label_names, listed
from .csv_table import REPORTED_ROWS, Column, Table
from .files import FileDataset

__all__ = ["CSV"]

IMAGE_COLUMNS = ("image", "images", "image_path", "filename", "file_name", "file", "filepath", "path", "img")
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "target", "category")
"""Headers, in any case, that are looked for where no column is given; the first found is taken."""


class CSV(FileDataset):
    """The image files named in a column of a CSV (or TSV, by its ending), with labels from other columns.

    Row numbers in messages are those of a spreadsheet: the header is row 1. Only an empty cell is a missing value, so
    a class may be called NA. Labels are

    - names: `classes` are those that occur, sorted, unless given;
    - whole numbers: kept as they are, without classes. With `classes=` they are positions in it, but where all of its
      names are whole numbers themselves, a label means the class of that name;
    - several columns of numbers: (n, k) int64, or float32 where one has fractions; the classes are the columns' names;
    - several columns of names: (n, k) int64, positions in the classes of all columns together.

    Args:
        path: the file, with a header row, in UTF-8.
        images: folder that relative file names start from; None: the folder of the CSV.
        image_column: header or position (from 0; negative from the end) of the file names; None: the first header that
            says so (such as "image", "filename" or "path"), else the first column.
        label_column: likewise for the labels; several for several labels per sample, an empty list for no labels (-1).
            None: the first header that says so (such as "label", "class" or "target"), else the only column besides
            the file names, where there is just one.
        classes: the classes to use.

    Raises:
        DatasetNotFoundError: `path` is not there.
        DatasetError: not a CSV with that column, several columns that may be the labels, missing values, labels of
            mixed kinds, or files that are not there (all are reported together).
        UnknownClassError: a label is not among `classes`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        images: str | os.PathLike[str] | None = None,
        *,
        image_column: Column | None = None,
        label_column: Column | Sequence[Column] | None = None,
        classes: ClassesOption = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.path = os.path.abspath(os.fspath(path))
        root = os.path.dirname(self.path) if images is None else os.path.abspath(os.fspath(images))
        table = Table(self.path)
        image = _image_position(table, image_column)
        table.read(text_column=image)
        columns = _label_positions(table, label_column, image)
        labels, names = _labels(table, columns, class_list(classes))
        super().__init__(
            root, table.values(image), labels, names, transform=transform, target_transform=target_transform
        )
        self._rows = table.rows
        self._check_files()

    def describe(self, index: int) -> str:
        return f"{self.path}, row {self._rows[index]}: {self.file(index)}"

    def _check_files(self) -> None:
        missing = [index for index in range(len(self)) if not os.path.isfile(self.file(index))]
        if missing:
            listing = "\n".join(f"  row {self._rows[index]}: {self.name(index)!r}" for index in missing[:REPORTED_ROWS])
            more = f"\n  ... and {len(missing) - REPORTED_ROWS} more" if len(missing) > REPORTED_ROWS else ""
            raise DatasetError(
                f"{len(missing)} of the {len(self)} images in {self.path} are not there; relative names start from "
                f"{self.root} (change it with images=):\n{listing}{more}"
            )

    def _origin(self) -> str:
        return f"{self.path!r}, "


def _image_position(table: Table, column: Column | None) -> int:
    if column is not None:
        return table.position(column, "image_column")
    return table.find(IMAGE_COLUMNS) or 0


def _label_positions(table: Table, columns: Column | Sequence[Column] | None, image: int) -> int | list[int] | None:
    """One column, several, or None where there is none."""
    if columns is None:
        return _usual_label_position(table, image)
    if isinstance(columns, (str, int)):
        return table.position(columns, "label_column")
    positions = [table.position(column, "label_column") for column in columns]
    if len(set(positions)) < len(positions):
        raise DatasetError(f"label_column={list(columns)!r} names a column of {table.path} twice; name each once")
    return positions or None


def _usual_label_position(table: Table, image: int) -> int | None:
    """The column that is called as labels are, else the only one besides the file names; None where there is none."""
    named = table.find(LABEL_COLUMNS, besides=image)
    if named is not None:
        return named
    others = [position for position in range(len(table.header)) if position != image]
    if len(others) > 1:
        raise DatasetError(
            f"{table.path} has {len(others)} columns that may hold the labels: "
            f"{listed([table.header[position] for position in others], 30)}; pass label_column= with one of them, or "
            "with several for several labels per image (on the command line --label-column, once for each)"
        )
    return others[0] if others else None


def _labels(table: Table, columns: int | list[int] | None, wanted: list[str] | None) -> tuple[Labels, list[str]]:
    if columns is None:
        return np.full(len(table.rows), -1, np.int64), wanted or []
    if isinstance(columns, list):
        return _several_labels(table, columns, wanted)
    values = table.values(columns)
    if values.dtype.kind == "f":
        _check_whole(table, columns, values)
    if values.dtype.kind in "ibf":
        labels = values.astype(np.int64)
        return _numbered(table, columns, labels, wanted)
    return label_names(
        _texts(table, columns, values), wanted, lambda k: f"{table.path}, {table.row_list(np.array([k]))}"
    )


def _several_labels(table: Table, columns: list[int], wanted: list[str] | None) -> tuple[Labels, list[str]]:
    values = [table.values(column) for column in columns]
    kinds = {column.dtype.kind for column in values}
    if kinds <= set("ibf"):
        names = [table.header[column] for column in columns]
        if wanted is not None and sorted(wanted) != sorted(names):
            raise UnknownClassError(
                f"the label columns {listed(names)} of {table.path} are not the classes asked for: {listed(wanted)}; "
                "give the same names, or leave out classes="
            )
        chosen = values if wanted is None else [values[names.index(name)] for name in wanted]
        table_of_labels = np.stack(chosen, axis=1)
        labels: Labels = table_of_labels.astype(np.float32) if "f" in kinds else table_of_labels.astype(np.int64)
        return labels, wanted or names
    if kinds & set("ibf"):
        shown = listed(f"{table.header[c]} ({v.dtype})" for c, v in zip(columns, values, strict=True))
        raise DatasetError(
            f"the label columns of {table.path} are of mixed kinds: {shown}; use only numbers or only names"
        )
    texts = [text for column, cells in zip(columns, values, strict=True) for text in _texts(table, column, cells)]
    count = len(table.rows)
    positions, found = label_names(texts, wanted, lambda k: f"{table.path}, {table.row_list(np.array([k % count]))}")
    return np.ascontiguousarray(positions.reshape(len(columns), count).T), found


def _numbered(
    table: Table, column: int, labels: NDArray[np.int64], wanted: list[str] | None
) -> tuple[Labels, list[str]]:
    """Whole numbers as labels: of the classes that are called so, or else positions."""
    where = f"{table.path}, column {table.header[column]!r}"
    if wanted is None or not all(name.isdecimal() for name in wanted):
        return fit_labels(labels, [], wanted, where)
    positions = {int(name): position for position, name in enumerate(wanted)}
    texts = [wanted[positions[label]] if label in positions else str(label) for label in labels.tolist()]
    return label_names(texts, wanted, lambda k: f"{where}, {table.row_list(np.array([k]))}")


def _texts(table: Table, column: int, values: NDArray[np.object_]) -> list[str]:
    # What pandas takes for numbers and yet not for int64 is too large.
    odd = np.array([k for k, v in enumerate(values) if not isinstance(v, str) and not -(2**63) <= v < 2**63], np.int64)
    if len(odd):
        raise DatasetError(
            f"{table.path}, column {table.header[column]!r}: expected names or whole numbers as labels, got "
            f"{values[odd[0]]} in {table.row_list(odd)}"
        )
    return [str(value) for value in values]


def _check_whole(table: Table, column: int, values: NDArray[np.float64]) -> None:
    odd = np.flatnonzero(~(np.isfinite(values) & (values == np.round(values)) & (np.abs(values) < 2.0**53)))
    if len(odd):
        name = table.header[column]
        raise DatasetError(
            f"{table.path}, column {name!r}: expected names or whole numbers as labels, got {values[odd[0]]:g} in "
            f"{table.row_list(odd)}; for fractions pass label_column=[{name!r}], which gives (n, 1) float32"
        )

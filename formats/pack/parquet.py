"""index.parquet: a readable copy of the index for pandas and other tools (SPEC.md, 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import DatasetError
from ...record import Codec
from .layout import PARQUET_NAME
from .rows import Rows, portable
from .storage import new_file

__all__ = ["differing_columns", "write_parquet"]


def write_parquet(directory: Path, rows: Rows, classes: Sequence[str]) -> None:
    """Writes index.parquet; no Python object is made per row."""
    with new_file(directory / PARQUET_NAME) as file:
        pq.write_table(_arrow(rows, classes), file)


def differing_columns(directory: Path, rows: Rows, classes: Sequence[str]) -> list[str]:
    """What differs between index.parquet and the index, as messages; an unreadable file is one.

    Raises:
        DatasetError: the rows of the index contradict themselves.
    """
    path = directory / PARQUET_NAME
    expected = _arrow(rows, classes)
    try:
        found = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        return [f"{path} can't be read: {error}; pack the dataset again"]
    if found.schema.names != expected.schema.names or len(found) != len(expected):
        return [
            f"{path}: expected {len(expected)} rows of {', '.join(expected.schema.names)}, got {len(found)} of "
            f"{', '.join(found.schema.names)}"
        ]
    names = [name for name in expected.schema.names if not _same(found[name], expected[name])]
    return [f"{path}: column {name} differs from the index" for name in names]


def _same(found: pa.ChunkedArray, expected: pa.ChunkedArray) -> bool:
    if found.type != expected.type:
        return False
    if pa.types.is_dictionary(found.type):  # the same values may be numbered otherwise: there are new codecs
        value_type = found.type.value_type
        found, expected = found.cast(value_type), expected.cast(value_type)
    return bool(found.combine_chunks().equals(expected.combine_chunks()) or _equal_with_nan(found, expected))


def _equal_with_nan(found: pa.ChunkedArray, expected: pa.ChunkedArray) -> bool:
    """Float labels may be NaN, which arrow holds for unequal to itself."""
    if not pa.types.is_fixed_size_list(found.type) or not pa.types.is_floating(found.type.value_type):
        return False
    pair = [np.asarray(array.combine_chunks().flatten()) for array in (found, expected)]
    return np.array_equal(pair[0], pair[1], equal_nan=True)


def _arrow(rows: Rows, classes: Sequence[str]) -> pa.Table:
    try:
        table = pa.table(_columns(rows, classes))
        table.validate(full=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise DatasetError(f"the rows of the index contradict themselves ({error}): pack the dataset again") from error
    return table


def _columns(rows: Rows, classes: Sequence[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {"name": _names(rows), "label": _labels(rows)}
    if classes and rows.label.ndim == 1:
        numbers = pa.array(rows.label, mask=rows.label < 0, type=pa.int64()).cast(pa.int32())
        columns["class"] = pa.DictionaryArray.from_arrays(
            numbers, pa.array([portable(name) for name in classes], pa.string())
        )
    for name in ("shard", "offset", "length"):
        columns[name] = pa.array(getattr(rows, name))
    codecs = [codec.name.lower() for codec in Codec]
    columns["codec"] = pa.DictionaryArray.from_arrays(pa.array(rows.codec).cast(pa.int8()), pa.array(codecs))
    for name in ("flags", "width", "height", "checksum"):
        columns[name] = pa.array(getattr(rows, name))
    return columns


def _names(rows: Rows) -> pa.Array:
    rows.names.check()  # arrow trusts the offsets
    return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(rows.names.offsets), pa.py_buffer(rows.names.blob))


def _labels(rows: Rows) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows.label).reshape(-1))
    return flat if rows.label.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, rows.label.shape[1])

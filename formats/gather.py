"""Joining the records of several datasets into one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..record import Buffer, Records
from .reading import read_record

__all__ = ["gather_records"]


def gather_records(
    pieces: Sequence[Records], rows: Sequence[NDArray[np.int64]], place: Callable[[int], tuple[str, int]]
) -> Records:
    """One table in which the records of piece p stand in `rows[p]`.

    A table either has checksums or has none. Where only some pieces have them, theirs are compared here, and the bytes
    travel as payloads: nothing loses its check.

    Args:
        pieces: tables of records.
        rows: for each piece, the rows of the result that it fills; together 0 ... n-1.
        place: row -> (source, index) of a sample, for messages.

    Raises:
        RecordError: a record whose checksum had to be compared here is bad.
    """
    if any(piece.checksum is None for piece in pieces):
        pieces = [
            piece if piece.checksum is None else _checked(piece, row, place)
            for piece, row in zip(pieces, rows, strict=True)
        ]
    payloads: list[Buffer | None] = [None] * sum(len(row) for row in rows)
    paths: list[str] = []
    file = []
    for piece, row in zip(pieces, rows, strict=True):
        file.append(np.where(piece.file < 0, piece.file, piece.file + len(paths)).astype(np.int32))
        paths += piece.paths
        for position, data in zip(row.tolist(), piece.payloads or [None] * len(row), strict=True):
            payloads[position] = data
    joined = partial(_joined, rows=rows)
    checksums = [piece.checksum for piece in pieces if piece.checksum is not None]
    return Records(
        codec=joined([piece.codec for piece in pieces]),
        labels=joined([piece.labels for piece in pieces]),
        paths=paths,
        file=joined(file),
        offset=joined([piece.offset for piece in pieces]),
        length=joined([piece.length for piece in pieces]),
        width=joined([piece.width for piece in pieces]),
        height=joined([piece.height for piece in pieces]),
        checksum=joined(checksums) if len(checksums) == len(pieces) else None,
        payloads=payloads if any(data is not None for data in payloads) else None,
    )


def _joined(columns: Sequence[NDArray[Any]], rows: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    """One column in which that of piece p stands in `rows[p]`."""
    whole = np.empty((sum(len(row) for row in rows), *columns[0].shape[1:]), columns[0].dtype)
    for row, column in zip(rows, columns, strict=True):
        whole[row] = column
    return whole


def _checked(piece: Records, rows: NDArray[np.int64], place: Callable[[int], tuple[str, int]]) -> Records:
    """The same records as payloads whose checksums have been compared."""
    payloads: list[Buffer | None] = []
    for position, row in enumerate(rows.tolist()):
        try:
            payloads.append(read_record(piece, position))
        except RecordError as error:
            raise error.at(*place(row)) from error.__cause__
    nowhere = np.full(len(piece), -1, np.int32)
    return replace(piece, paths=[], file=nowhere, checksum=None, payloads=payloads)

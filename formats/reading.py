"""Reading the bytes of records from Python (the native engine has its own reader)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .._core import crc32c
from ..errors import ChecksumError, MissingFileError, RecordError, TruncatedError
from ..record import WHOLE_FILE

if TYPE_CHECKING:
    from ..record import Buffer, Records

__all__ = ["read_record"]


def read_record(records: Records, row: int) -> Buffer:
    """The undecoded bytes of one row, with its checksum compared.

    Raises:
        MissingFileError, TruncatedError, ChecksumError, RecordError: without a place; callers add it with `.at`.
    """
    payload = records.payloads[row] if records.payloads is not None else None
    data = _read_location(records, row) if payload is None else payload
    if records.checksum is not None and crc32c(data) != int(records.checksum[row]):
        raise ChecksumError(
            f"checksum mismatch: expected CRC-32C {int(records.checksum[row]):08x}, got {crc32c(data):08x}; "
            "the stored bytes have changed: restore the file, or pack it again"
        )
    return data


def _read_location(records: Records, row: int) -> bytes:
    path = records.paths[int(records.file[row])]
    offset, length = int(records.offset[row]), int(records.length[row])
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise MissingFileError(f"{path} is not there; restore it, or leave it out of the dataset") from None
    except OSError as error:
        raise RecordError(f"{path} can't be opened: {error.strerror}") from error
    try:
        if length == WHOLE_FILE:
            length = os.fstat(descriptor).st_size
        data = _read_fully(descriptor, offset, length)
    except OSError as error:
        raise RecordError(f"{path} can't be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(data) != length:
        raise TruncatedError(
            f"expected {length} bytes at offset {offset} of {path}, got {len(data)}: "
            "the file is shorter than its index says; restore it, or pack it again"
        )
    return data


def _read_fully(descriptor: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)

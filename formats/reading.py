"""Reading the bytes of records from Python (the native engine has its own reader)."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import numpy as np

from .._core import crc32c
from ..errors import ChecksumError, MissingFileError, RecordError, TruncatedError
from ..record import WHOLE_FILE

if TYPE_CHECKING:
    from ..record import Buffer, Records

__all__ = ["flat_view", "read_record"]


def flat_view(data: Buffer) -> memoryview:
    """The bytes of `data`, without a copy: whatever its shape, `len` of the view is their number."""
    view = data.data if isinstance(data, np.ndarray) else memoryview(data)
    return view.cast("B") if view.nbytes else memoryview(b"")


# Without O_NONBLOCK, opening a named pipe would wait for its writer for ever; regular files don't care.
OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def read_record(records: Records, row: int) -> Buffer:
    """The undecoded bytes of one row, with its checksum compared.

    Raises:
        MissingFileError, TruncatedError, ChecksumError, RecordError: without a place; callers add it with `.at`.
    """
    payload = records.payloads[row] if records.payloads is not None else None
    data = _read_location(records, row) if payload is None else payload
    if records.checksum is not None:
        expected, actual = int(records.checksum[row]), crc32c(data)
        if actual != expected:
            raise ChecksumError(
                f"checksum mismatch: expected CRC-32C {expected:08x}, got {actual:08x}: the stored bytes have changed; "
                "restore the file, or write the dataset again"
            )
    return data


def _read_location(records: Records, row: int) -> bytes:
    path = records.paths[int(records.file[row])]
    offset, length = int(records.offset[row]), int(records.length[row])
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except FileNotFoundError:
        raise MissingFileError("the file is not there; restore it, or leave it out of the dataset") from None
    except OSError as error:
        raise RecordError(f"the file can't be opened: {error.strerror}") from error
    try:
        size = _size(descriptor)
        length = size if length == WHOLE_FILE else length
        data = _read_fully(descriptor, offset, length)
    except OSError as error:
        raise RecordError(f"the file can't be read: {error.strerror}") from error
    except MemoryError as error:
        raise RecordError(f"there is not enough memory to read its {length} bytes; leave it out") from error
    finally:
        os.close(descriptor)
    if len(data) != length:
        raise TruncatedError(
            f"expected {length} bytes at offset {offset}, got {len(data)}: the file is shorter than its index says; "
            "restore it, or write the dataset again"
        )
    return data


def _size(descriptor: int) -> int:
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):  # reading a directory says what it is
        return status.st_size
    raise OSError(errno.EINVAL, "it is a named pipe, socket or device; leave it out")


def _read_fully(descriptor: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)

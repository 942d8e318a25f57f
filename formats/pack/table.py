"""Tables: the checksummed sections that index.bin and shard footers are made of (SPEC.md, section 2)."""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..._core import crc32c, read_table
from ...errors import DatasetError
from .layout import aligned

__all__ = ["SectionId", "Table", "write_table"]

_HEAD = struct.Struct("<IIQQ8x")
_ENTRY = struct.Struct("<I4sQIIQ")
_LAZY_CHECK_BYTES = 1 << 30


class SectionId(enum.IntEnum):
    """Numbers of the sections (SPEC.md, section 3)."""

    SHARD = 1
    OFFSET = 2
    LENGTH = 3
    CODEC = 4
    FLAGS = 5
    WIDTH = 6
    HEIGHT = 7
    CHECKSUM = 8
    LABEL = 9
    NAME_OFFSET = 10
    NAMES = 11
    SHARD_BYTES = 20
    SHARD_ROWS = 21
    SKIPPED = 30
    FALLBACKS = 1000


@dataclass(frozen=True, slots=True)
class _Section:
    kind: str
    count: int
    width: int
    checksum: int
    offset: int
    size: int

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.kind)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.count, self.width) if self.width else (self.count,)


class Table:
    """A table in memory or in a mapped file; its columns are views of that memory, not copies.

    Args:
        data: (size,) uint8 that begins with the table and has at least its bytes.
        place: what to call the table in messages.

    Raises:
        DatasetError: the directory is damaged, or promises more than `data` holds.
    """

    def __init__(self, data: NDArray[np.uint8], place: str) -> None:
        self._data = data
        self._place = place
        self._intact: set[SectionId] = set()
        self.rows, self.size, sections = read_table(data, place)
        self._sections = {SectionId(section[0]): _Section(*section[1:]) for section in sections}

    def __contains__(self, section: SectionId) -> bool:
        return section in self._sections

    def column(self, section: SectionId, count: int | None = None) -> NDArray[Any]:
        """A section as an array of its own shape and little-endian type.

        Its checksum is compared when it is first asked for, unless it has over 1 GiB (`damaged` compares all).

        Raises:
            DatasetError: it is missing, has not `count` items (default: one per row), or is damaged.
        """
        found = self._sections.get(section)
        expected = self.rows if count is None else count
        if found is None or found.count != expected:
            what = "is missing" if found is None else f"has {found.count} items"
            raise DatasetError(
                f"{self._place}: section {section.name.lower()} {what}, expected {expected} items: the file is "
                "damaged; restore it, or pack the dataset again"
            )
        if section not in self._intact and found.size <= _LAZY_CHECK_BYTES:
            self._check(section, found)
            self._intact.add(section)
        return self._bytes(found).view(found.dtype).reshape(found.shape)

    def described(self, section: SectionId) -> tuple[str, list[int]] | None:
        """(numpy name of the type, shape of one row) of a section as its directory says, without reading it."""
        found = self._sections.get(section)
        return (found.dtype.name, list(found.shape[1:])) if found else None

    def blob(self, section: SectionId) -> NDArray[np.uint8]:
        """A section of bytes, of whatever length."""
        found = self._sections.get(section)
        return self.column(section, found.count if found else 0)

    def damaged(self) -> list[str]:
        """A message for every section whose bytes, or the zeros after it, differ from what was written."""
        messages = []
        for section, found in self._sections.items():
            try:
                self._check(section, found)
            except DatasetError as error:
                messages.append(str(error))
            end = found.offset + found.size
            if self._data[end : aligned(end)].any():
                messages.append(
                    f"{self._place}: the bytes after section {section.name.lower()} are not zero: it is damaged"
                )
        return messages

    def _bytes(self, section: _Section) -> NDArray[np.uint8]:
        return self._data[section.offset : section.offset + section.size]

    def _check(self, section: SectionId, found: _Section) -> None:
        computed = crc32c(self._bytes(found))
        if computed != found.checksum:
            raise DatasetError(
                f"{self._place}: checksum mismatch in section {section.name.lower()}, expected CRC-32C "
                f"{found.checksum:08x}, got {computed:08x}: the file is damaged; restore it, or pack the dataset again"
            )


def write_table(file: BinaryIO, rows: int, sections: Mapping[SectionId, NDArray[Any]]) -> int:
    """Writes a table at the file's position and returns its bytes, a multiple of 64.

    Sections are arrays of one or two dimensions; two dimensions are rows of items.
    """
    arrays = {
        section: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for section, array in sections.items()
    }
    directory_bytes = _HEAD.size + _ENTRY.size * len(arrays)
    entries, position = b"", aligned(directory_bytes)
    for section, array in arrays.items():
        width = array.shape[1] if array.ndim == 2 else 0
        kind = array.dtype.str.encode().ljust(4, b"\0")
        entries += _ENTRY.pack(section, kind, len(array), width, crc32c(_flat(array)), position)
        position = aligned(position + array.nbytes)
    head = _HEAD.pack(len(arrays), 0, rows, position)
    head = head[:4] + struct.pack("<I", crc32c(head[:4] + head[8:] + entries)) + head[8:]
    _write_padded(file, memoryview(head + entries))
    for array in arrays.values():
        _write_padded(file, _flat(array).data)
    return position


def _flat(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _write_padded(file: BinaryIO, data: memoryview) -> None:
    file.write(data)
    file.write(bytes(aligned(len(data)) - len(data)))

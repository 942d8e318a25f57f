"""Rows of the index as columns: one row per sample (SPEC.md, 3.1)."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

from ..._core import names_in_order
from ...errors import DatasetError
from ..base import Labels
from .table import SectionId, Table

__all__ = ["NameColumn", "Rows", "portable"]

_DAMAGED = "the file is damaged; restore it, or pack the dataset again"


class NameColumn(Sequence[str]):
    """Names kept as one UTF-8 blob and offsets; a str is made when one is asked for.

    Args:
        offsets: (n + 1,) int64, where each name starts in `blob`; the last is the length of `blob`.
        blob: (bytes,) uint8.
        place: what to call the file in messages.
    """

    __slots__ = ("_place", "blob", "offsets")

    def __init__(self, offsets: NDArray[np.int64], blob: NDArray[np.uint8], place: str = "names") -> None:
        self.offsets = offsets
        self.blob = blob
        self._place = place

    @classmethod
    def of(cls, names: Iterable[str]) -> NameColumn:
        """Names from Python strings; what UTF-8 can't hold (bytes of odd file names) becomes a backslash escape."""
        parts = [portable(name).encode() for name in names]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(parts), np.uint8))

    @classmethod
    def joined(cls, parts: Sequence[NameColumn]) -> NameColumn:
        """The names of all parts, one after another."""
        offsets, end = [], 0
        for part in parts:
            offsets.append(part.offsets[:-1] + end)
            end += int(part.offsets[-1])
        blobs = [np.empty(0, np.uint8), *(part.blob for part in parts)]
        return cls(np.concatenate([*offsets, np.array([end], np.int64)]), np.concatenate(blobs))

    def part(self, place: range) -> NameColumn:
        """The names at `place`, a stretch of them."""
        offsets = self.offsets[place.start : place.stop + 1]
        start, stop = int(offsets[0]), int(offsets[-1])
        return NameColumn(offsets - start, self.blob[max(start, 0) : max(stop, 0)], self._place)

    def check(self) -> None:
        """Raises DatasetError unless the offsets cover the blob in order."""
        if not names_in_order(self.offsets, len(self.blob)):
            raise DatasetError(f"{self._place}: the offsets of the names are out of order: {_DAMAGED}")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> str | list[str]:
        """Raises DatasetError where the offsets or the UTF-8 are damaged."""
        if isinstance(index, slice):
            return [self[k] for k in range(len(self))[index]]
        row = range(len(self))[operator.index(index)]
        start, stop = int(self.offsets[row]), int(self.offsets[row + 1])
        if not 0 <= start <= stop <= len(self.blob):
            raise DatasetError(
                f"{self._place}: name {row} should lie within {len(self.blob)} bytes, but is at {start} to {stop}: "
                f"{_DAMAGED}"
            )
        try:
            return self.blob[start:stop].tobytes().decode()
        except UnicodeDecodeError as error:
            raise DatasetError(f"{self._place}: name {row} is not UTF-8 ({error.reason}): {_DAMAGED}") from None


def portable(name: str) -> str:
    """The name with what UTF-8 can't hold (bytes of odd file names) as backslash escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n rows of the index, as columns of the types in SPEC.md 3.1; usually views of a mapped file.

    `label` is (n,) int64, or (n, k) int64 or float32.
    """

    shard: NDArray[np.uint32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    codec: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    checksum: NDArray[np.uint32]
    label: Labels
    names: NameColumn

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def from_table(cls, table: Table, place: str, shard: int | None = None) -> Rows:
        """The rows of an index, or of the footer of `shard` (which has no shard column).

        Raises:
            DatasetError: a section is missing or damaged.
        """
        shards = table.column(SectionId.SHARD) if shard is None else np.full(table.rows, shard, np.uint32)
        names = NameColumn(table.column(SectionId.NAME_OFFSET, table.rows + 1), table.blob(SectionId.NAMES), place)
        columns = {section.name.lower(): table.column(section) for section in _FIXED}
        return cls(shard=shards, names=names, **columns)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of all parts, one after another."""
        fixed = ["shard", *(section.name.lower() for section in _FIXED)]
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in fixed}
        return cls(names=NameColumn.joined([part.names for part in parts]), **columns)

    def part(self, place: range) -> Rows:
        """The rows at `place`, a stretch of them; names start at 0 again."""
        one = slice(place.start, place.stop)
        fixed = ["shard", *(section.name.lower() for section in _FIXED)]
        columns: dict[str, Any] = {name: getattr(self, name)[one] for name in fixed}
        return Rows(names=self.names.part(place), **columns)

    def sections(self, *, with_shard: bool) -> dict[SectionId, NDArray[Any]]:
        """The rows as sections of a table."""
        sections: dict[SectionId, NDArray[Any]] = {SectionId.SHARD: self.shard} if with_shard else {}
        sections |= {section: getattr(self, section.name.lower()) for section in _FIXED}
        return sections | {SectionId.NAME_OFFSET: self.names.offsets, SectionId.NAMES: self.names.blob}


_FIXED = (
    SectionId.OFFSET,
    SectionId.LENGTH,
    SectionId.CODEC,
    SectionId.FLAGS,
    SectionId.WIDTH,
    SectionId.HEIGHT,
    SectionId.CHECKSUM,
    SectionId.LABEL,
)

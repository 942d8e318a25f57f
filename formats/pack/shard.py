"""Shards: writing records with the footer that their index rows can be rebuilt from, and reading that footer."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..._core import crc32c
from ...errors import DatasetError, DatasetNotFoundError, RecordError
from ...record import Buffer, Codec
from ..base import Labels
from ..reading import flat_view
from .layout import BLOCK_BYTES, MAX_RECORD_BYTES, ShardHeader, ShardTrailer, record_end, shard_name
from .rows import NameColumn, Rows
from .table import SectionId, Table, write_table

__all__ = ["Footer", "Image", "ShardWriter", "Skipped", "read_footer"]


@dataclass(frozen=True, slots=True)
class Image:
    """The stored form of one image: bytes, how they are stored, and the size in pixels.

    Attributes:
        fallback: why it is stored `encoded` although `dct` was asked for, in the same words for all images with this
            reason; else empty.

    Raises:
        RecordError: it is larger than the format allows.
    """

    data: Buffer
    codec: Codec
    width: int
    height: int
    fallback: str = ""

    def __post_init__(self) -> None:
        if self.size > MAX_RECORD_BYTES:
            raise RecordError(
                f"expected at most {MAX_RECORD_BYTES} bytes, got {self.size}; shrink the image, or leave it out"
            )

    @property
    def size(self) -> int:
        """Bytes."""
        return len(flat_view(self.data))

    def to_bytes(self) -> bytes:
        """The data; a copy unless they are bytes."""
        return self.data if isinstance(self.data, bytes) else flat_view(self.data).tobytes()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sample that was left out: where it comes from, and what is wrong with it."""

    source: str
    reason: str


class ShardWriter:
    """Writes one shard, record by record, into an open file.

    Args:
        file: where to; empty, at its start.
        number, pack_id: of the shard's header.
    """

    def __init__(self, file: BinaryIO, number: int, pack_id: bytes) -> None:
        self._file = file
        self._number = number
        self._position = BLOCK_BYTES
        self._places: list[tuple[int, ...]] = []
        self._names: list[str] = []
        self._labels: list[Any] = []
        self._fallbacks: Counter[str] = Counter()
        file.write(ShardHeader(number, pack_id).to_bytes())

    def append(self, image: Image, label: Any, name: str) -> None:
        """Adds a record; `label` is an item, or row, of the source's label array."""
        length = image.size
        self._places.append((self._position, length, image.codec, image.width, image.height, crc32c(image.data)))
        self._names.append(name)
        self._labels.append(label)
        if image.fallback:
            self._fallbacks[image.fallback] += 1
        end = record_end(self._position, length)
        self._file.write(flat_view(image.data))
        self._file.write(bytes(end - self._position - length))
        self._position = end

    def finish(self, labels: Labels, skipped: Sequence[Skipped]) -> None:
        """Writes the footer. Of `labels`, the source's, only type and width are used."""
        rows = self._rows(labels)
        sections = rows.sections(with_shard=False)
        sections[SectionId.SKIPPED] = _json([{"source": each.source, "reason": each.reason} for each in skipped])
        if self._fallbacks:
            sections[SectionId.FALLBACKS] = _json(dict(sorted(self._fallbacks.items())))
        size = write_table(self._file, len(rows), sections)
        self._file.write(ShardTrailer(self._number, self._position, size, len(rows)).to_bytes())

    def _rows(self, labels: Labels) -> Rows:
        count = len(self._places)
        offset, length, codec, width, height, checksum = np.array(self._places, np.int64).reshape(count, 6).T
        label: Any = np.array(self._labels, labels.dtype).reshape(count, *labels.shape[1:])
        return Rows(
            shard=np.full(count, self._number, np.uint32),
            offset=offset,
            length=length,
            codec=codec.astype(np.uint8),
            flags=np.zeros(count, np.uint8),
            width=width.astype(np.int32),
            height=height.astype(np.int32),
            checksum=checksum.astype(np.uint32),
            label=label,
            names=NameColumn.of(self._names),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Footer:
    """What a shard says about itself.

    Attributes:
        header: pack id and number.
        rows: its index rows.
        skipped: samples of its share that were left out.
        fallbacks: why records are stored `encoded` although `dct` was asked for: reason -> count.
        size: bytes of the shard file.
        end: where the records end: the offset of the footer.
    """

    header: ShardHeader
    rows: Rows
    skipped: tuple[Skipped, ...]
    fallbacks: Mapping[str, int]
    size: int
    end: int


def read_footer(directory: Path, number: int) -> Footer:
    """Header, trailer and footer of a shard, with all their checksums compared; no record is read.

    Raises:
        DatasetNotFoundError: it is not there. DatasetError: it is damaged.
    """
    path = directory / shard_name(number)
    try:
        with open(path, "rb") as file:
            return _read_footer(file, number, str(path))
    except FileNotFoundError:
        raise DatasetNotFoundError(f"{path} is not there: restore it, or pack the dataset again") from None
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}") from error


def _read_footer(file: BinaryIO, number: int, place: str) -> Footer:
    size = os.fstat(file.fileno()).st_size
    header = ShardHeader.from_bytes(file.read(BLOCK_BYTES), place)
    file.seek(max(size - BLOCK_BYTES, 0))
    trailer = ShardTrailer.from_bytes(file.read(BLOCK_BYTES), size, place)
    if header.number != number or trailer.number != number:
        raise DatasetError(
            f"{place}: expected shard {number}, its header says {header.number} and its trailer {trailer.number}: "
            "the file has been renamed or damaged; restore it, or pack the dataset again"
        )
    end = trailer.footer_offset
    file.seek(end)
    table = Table(np.frombuffer(file.read(trailer.footer_bytes), np.uint8), f"{place}: footer")
    damaged = table.damaged()
    if damaged:
        raise DatasetError(damaged[0])
    if table.rows != trailer.rows or table.size != trailer.footer_bytes:
        raise DatasetError(
            f"{place}: the trailer promises {trailer.rows} rows in {trailer.footer_bytes} bytes, the footer has "
            f"{table.rows} in {table.size}: restore it, or pack the dataset again"
        )
    rows = Rows.from_table(table, place, number)
    skipped = _skipped(table.blob(SectionId.SKIPPED), place)
    fallbacks = _fallbacks(table.blob(SectionId.FALLBACKS), place) if SectionId.FALLBACKS in table else {}
    return Footer(header, rows, skipped, fallbacks, size, end)


def _skipped(blob: NDArray[np.uint8], place: str) -> tuple[Skipped, ...]:
    try:
        return tuple(Skipped(str(entry["source"]), str(entry["reason"])) for entry in json.loads(blob.tobytes()))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DatasetError(
            f"{place}: the list of skipped samples is damaged ({error}); pack the dataset again"
        ) from error


def _fallbacks(blob: NDArray[np.uint8], place: str) -> dict[str, int]:
    try:
        return {reason: int(count) for reason, count in json.loads(blob.tobytes()).items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(
            f"{place}: the table of reasons for encoded records is damaged ({error}); pack the dataset again"
        ) from error


def _json(content: object) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content).encode(), np.uint8)

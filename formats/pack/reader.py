"""`Pack`: reading a packed dataset."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ..._core import find_bad_row, gather_rows, rebuild_jpeg
from ...errors import DatasetError, RecordError
from ...record import Buffer, Codec, Records
from ..base import Dataset, Labels
from ..classes import ClassesOption, class_list, fit_labels
from ..image import decode_file, is_jpeg
from ..indices import checked_indices
from ..reading import read_record
from .index import Index
from .layout import INDEX_NAME, shard_name
from .manifest import Manifest
from .rows import NameColumn
from .table import SectionId

__all__ = ["Pack"]


class Pack(Dataset):
    """A directory that `pack-dataset` has written (byte layout: formats/SPEC.md).

    Opens in milliseconds whatever its size: the index is mapped, and nothing per sample is a Python object. It pickles
    as its path, and may be read from several threads and after a fork.

    Args:
        path: the directory.
        classes: class names, or a dataset whose classes to use, in place of the pack's own order.
        transform, target_transform: as in torchvision's datasets.

    Raises:
        DatasetNotFoundError: the directory holds no pack.
        DatasetError: the pack is unfinished, damaged, or of a version that this Penstock does not know.
        UnknownClassError: the pack has a class that is not among `classes`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        classes: ClassesOption = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self._path = Path(path).absolute()
        self._wanted = class_list(classes)
        self._open()

    def __len__(self) -> int:
        return self._index.header.rows

    def _origin(self) -> str:
        return f"{str(self._path)!r}, "

    @property
    def path(self) -> Path:
        """The directory, absolute."""
        return self._path

    @property
    def manifest(self) -> Manifest:
        """What pack.json says: classes, options, counts."""
        return self._index.manifest

    @property
    def classes(self) -> list[str]:
        return list(self.manifest.classes if self._fitted is None else self._fitted[1])

    @property
    def labels(self) -> Labels:
        """All labels: a read-only view of the mapped index, or numbers of their own where `classes` asks for others."""
        return self._index.table.column(SectionId.LABEL) if self._fitted is None else self._fitted[0]

    @functools.cached_property
    def names(self) -> NameColumn:
        """Names of all samples; each is decoded when it is asked for."""
        table, place = self._index.table, str(self._path / INDEX_NAME)
        offsets = table.column(SectionId.NAME_OFFSET, len(self) + 1)
        return NameColumn(offsets, table.blob(SectionId.NAMES), place)

    @functools.cached_property
    def _columns(self) -> list[NDArray[Any]]:
        """Of the index, in the order of the fields of `Records`, and the flags."""
        column = self._index.table.column
        return [
            column(SectionId.CODEC),
            self.labels,
            column(SectionId.SHARD).view(np.int32),
            column(SectionId.OFFSET),
            column(SectionId.LENGTH),
            column(SectionId.WIDTH),
            column(SectionId.HEIGHT),
            column(SectionId.CHECKSUM),
            column(SectionId.FLAGS),
        ]

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        """The undecoded samples at `indices`, each within its shard.

        Raises:
            RecordError: the index can't be right about a sample, or it has a codec that this Penstock does not know.
            DatasetError: a column of the index is damaged. IndexError: there is no such sample.
        """
        chosen = np.asarray(indices, np.int64)
        codec, labels, file, offset, length, width, height, checksum, flags = gather_rows(self._columns, chosen)
        records = Records(codec, labels, self._shards, file, offset, length, width, height, checksum)
        self._check(records, flags, chosen)
        return records

    def jpeg(self, index: SupportsIndex) -> bytes:
        """The bytes of a JPEG file with the image of sample `index` (negative: from the end).

        A file that was stored as found, or one with the same coefficients, quantisation tables, sampling factors and
        metadata as the one that a dct record was made of: its entropy coding may differ.

        Raises:
            IndexError: `index` is out of range. RecordError: the record is damaged, or holds no JPEG.
        """
        row = int(checked_indices([operator.index(index)], len(self))[0])
        records = self.records([row])
        try:
            return _as_jpeg(read_record(records, 0), Codec(records.codec[0]))
        except RecordError as error:
            raise error.at(self.describe(row), row) from error.__cause__

    def describe(self, index: int) -> str:
        shard = int(np.searchsorted(self._shard_ends, index, side="right"))
        record = index - (int(self._shard_ends[shard - 1]) if shard else 0)
        try:
            name = self.name(index)
        except DatasetError:
            name = ""
        return f"{self._path / shard_name(shard)}, record {record}{f' ({name})' if name else ''}"

    def name(self, index: int) -> str:
        return self.names[index]

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_path", "_wanted", "transform", "target_transform")
        return {name: self.__dict__[name] for name in kept} | {"header": self._index.header}

    def __setstate__(self, state: dict[str, Any]) -> None:
        header = state.pop("header")
        self.__dict__.update(state)
        self._open()
        if self._index.header != header:
            raise DatasetError(f"{self._path} has been packed anew since this dataset was pickled: open it again")

    def _open(self) -> None:
        self._index = Index(self._path)
        self._index.check_shards()
        self._shards = tuple(str(self._path / shard_name(number)) for number in range(self._index.header.shards))
        self._shard_ends = np.cumsum(self._index.shard_rows)
        self._fitted: tuple[Labels, list[str]] | None = None
        if self._wanted is not None and self._wanted != self.manifest.classes:
            self._fitted = fit_labels(self.labels, self.manifest.classes, self._wanted, str(self._path))
            self._fitted[0].setflags(write=False)

    def _check(self, records: Records, flags: NDArray[np.uint8], indices: NDArray[np.int64]) -> None:
        """Every number from the index against what it may be, before anyone uses it."""
        bad = find_bad_row(records, flags, self._index.shard_bytes, len(Codec))
        if bad is not None:
            row, reason = bad
            index = int(indices[row])
            raise RecordError(reason, source=self.describe(index), index=index)


def _as_jpeg(data: Buffer, codec: Codec) -> bytes:
    if codec == Codec.DCT:
        return rebuild_jpeg(data)
    if codec == Codec.ENCODED and is_jpeg(data):
        return bytes(data)
    what = "raw pixels" if codec == Codec.RAW else f"a {decode_file(data).format} file"
    raise RecordError(f"expected a JPEG, but the sample is {what}; take its pixels: pack[index]")

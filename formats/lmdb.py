"""Samples in one LMDB file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, DatasetNotFoundError, RecordError
from ..record import Records
from .base import Dataset, Labels, Transform
from .classes import ClassesOption, class_list, fit_labels
from .lmdb_environment import Environment, open_environment
from .lmdb_layout import HEADER_KEY, LABELS_KEY, Entry, Header, decode_labels, sample_key

__all__ = ["LMDB"]


class LMDB(Dataset):
    """The samples of an LMDB that `pack-dataset --to lmdb` or `LMDBWriter` wrote (layout: LMDB.md).

    Records carry copies of the stored bytes, because LMDB's own are valid only in a transaction. Several objects on one
    file share its environment; a forked or spawned process opens its own when it first reads.

    Args:
        path: the file, or a directory with `data.mdb`.
        classes: the classes to use; the stored labels are translated by name.

    Raises:
        DatasetNotFoundError: nothing is there.
        DatasetError: no LMDB, another layout, or damaged.
        UnknownClassError: a stored label means a class that is not among `classes`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        classes: ClassesOption = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.path = os.path.abspath(os.fspath(path))
        if not os.path.exists(self.path):
            raise DatasetNotFoundError(f"expected an LMDB, but {self.path} is not there; check the path")
        self._header = b""
        self._environment: Environment | None = None
        environment = self._opened()
        try:
            header = Header.decode(self._header)
            labels = decode_labels(environment.value(LABELS_KEY), header)
        except DatasetError as error:
            raise DatasetError(f"{self.path}: {error}") from error
        self._labels, self._classes = fit_labels(labels, header.classes, class_list(classes), self.path)
        self._labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def classes(self) -> list[str]:
        return list(self._classes)

    @property
    def labels(self) -> Labels:
        return self._labels

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        chosen = np.asarray(indices, np.int64)
        entries = self._entries(chosen)
        count = len(entries)
        return Records(
            codec=np.array([entry.codec for entry in entries], np.uint8),
            labels=self._labels[chosen],
            paths=[],
            file=np.full(count, -1, np.int32),
            offset=np.zeros(count, np.int64),
            length=np.array([len(entry.data) for entry in entries], np.int64),
            width=np.array([entry.width for entry in entries], np.int32),
            height=np.array([entry.height for entry in entries], np.int32),
            checksum=np.array([entry.checksum for entry in entries], np.uint32),
            payloads=[entry.data for entry in entries],
        )

    def name(self, index: int) -> str:
        return self._entries(np.array([index]), name_only=True)[0].name

    def describe(self, index: int) -> str:
        try:
            name = self.name(index)
        except (RecordError, DatasetError):
            name = ""
        return f"{self.path}, record {index}{f' ({name})' if name else ''}"

    def _entries(self, indices: NDArray[np.int64], *, name_only: bool = False) -> list[Entry]:
        """Copies of what is stored. Raises RecordError for a record that is missing or whose fields are damaged."""

        def copy(position: int, value: memoryview | None) -> Entry:
            try:
                if value is None:
                    raise RecordError("the record is not there; restore the file, or write it again")
                return Entry.decode(value, name_only=name_only)
            except RecordError as error:
                raise error.at("", position) from None

        try:
            return self._opened().read([sample_key(index) for index in indices.tolist()], copy)
        except RecordError as error:
            index = int(indices[error.index or 0])
            raise error.at(f"{self.path}, record {index}", index) from error.__cause__

    def _opened(self) -> Environment:
        """The environment of this process, opened if it is not, and of the same content as at first."""
        environment = self._environment
        if environment is None or environment.closed:
            environment = open_environment(self.path)
            header = environment.value(HEADER_KEY)
            if not header:
                raise DatasetError(
                    f"{self.path} is an LMDB, but not one of Penstock's: it has no key {HEADER_KEY.decode()!r}; "
                    "write it with pack-dataset --to lmdb (its layout is in LMDB.md)"
                )
            if self._header and header != self._header:
                raise DatasetError(f"{self.path} has been replaced since the dataset was opened; open it again")
            self._environment, self._header = environment, header
        return environment

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_environment": None}

    def _origin(self) -> str:
        return f"{self.path!r}, "

"""Writing samples into an LMDB file."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import lmdb
import numpy as np
from numpy.typing import NDArray

from .._core import crc32c
from ..errors import PackingError
from ..record import Codec
from .base import Labels
from .lmdb_layout import CODECS, HEADER_KEY, LABELS_KEY, Entry, Header, encode_labels, sample_key

__all__ = ["LMDBWriter"]

Label = int | NDArray[Any]

START_BYTES = 64 << 20
"""Map size to begin with; it doubles whenever it is full."""
FLUSH_BYTES = 32 << 20
"""Samples are written in transactions of about this size."""


class LMDBWriter:
    """Writes an LMDB (layout: LMDB.md) into a temporary file beside `path`; `commit` gives it its name.

    A context manager: leaving the block without `commit` removes the temporary file. Use it in one thread.

    Args:
        path: the file to write.
        classes: names of the labels; may be empty.
        overwrite: replace a file that is there.

    Raises:
        PackingError: `path` exists, or can't be written; nothing is left behind.
    """

    def __init__(self, path: str | os.PathLike[str], *, classes: Sequence[str], overwrite: bool = False) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._classes = list(classes)
        self._overwrite = overwrite
        self._labels: list[Label] = []
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0
        self._check_destination()
        parent = os.path.dirname(self.path)
        self._temporary = os.path.join(parent, f".penstock-{secrets.token_hex(6)}.tmp")
        self._env: lmdb.Environment | None = None
        try:
            os.makedirs(parent, exist_ok=True)
            self._env = lmdb.open(
                self._temporary, subdir=False, map_size=START_BYTES, lock=False, sync=False, mode=0o666, max_dbs=0
            )
        except (lmdb.Error, OSError) as error:
            raise self._failed(error) from error

    def __len__(self) -> int:
        return len(self._labels)

    def add(
        self,
        data: bytes,
        label: Label,
        *,
        name: str,
        codec: Codec = Codec.ENCODED,
        width: int = 0,
        height: int = 0,
    ) -> None:
        """Appends one sample.

        Args:
            data: the undecoded bytes, as `codec` says.
            label: an int, or a (k,) array of ints or floats; of the same kind in all samples.
            name: what the sample is called, such as its path below the root.
            codec: `Codec.ENCODED` or `Codec.RAW`.
            width, height: in pixels; must be given for `Codec.RAW`.

        Raises:
            PackingError: the disk is full, or an argument doesn't fit; the temporary file is gone then.
        """
        self._check_sample(data, label, codec, width * height)
        entry = Entry(name, int(codec), width, height, crc32c(data), bytes(data))
        self._pending.append((sample_key(len(self._labels)), entry.encode()))
        self._pending_bytes += len(data)
        self._labels.append(label)
        if self._pending_bytes >= FLUSH_BYTES:
            self._flush()

    def commit(self) -> None:
        """Writes what is left, waits until all of it is on the disk, and renames the file to `path`.

        Raises:
            PackingError: nothing was added, the disk is full, or `path` has appeared meanwhile.
        """
        if not self._labels:
            raise self._failed("no samples were added")
        labels = _label_array(self._labels)
        self._check_range(labels)
        encoded = encode_labels(labels)
        per_sample = labels.shape[1] if labels.ndim > 1 else None
        header = Header(len(labels), self._classes, labels.dtype.name, per_sample, crc32c(encoded))
        self._pending += [(HEADER_KEY, header.encode()), (LABELS_KEY, encoded)]
        self._flush()
        self._check_destination()
        try:
            self._environment().sync(True)
            self._close()
            os.replace(self._temporary, self.path)
            _sync_folder(os.path.dirname(self.path))
        except (lmdb.Error, OSError) as error:
            raise self._failed(error) from error

    def abort(self) -> None:
        """Removes the temporary file; does nothing after `commit`."""
        self._close()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.remove(self._temporary)

    def __enter__(self) -> LMDBWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.abort()

    def _flush(self) -> None:
        """Writes the pending samples in one transaction, with a larger map where they don't fit."""
        environment = self._environment()
        while self._pending:
            try:
                with environment.begin(write=True) as transaction:
                    for key, value in self._pending:
                        transaction.put(key, value, append=True)
            except lmdb.MapFullError:
                environment.set_mapsize(2 * environment.info()["map_size"])
            except (lmdb.Error, OSError) as error:
                raise self._failed(error) from error
            else:
                self._pending, self._pending_bytes = [], 0

    def _environment(self) -> lmdb.Environment:
        if self._env is None:
            raise PackingError(f"the writer of {self.path} is closed (committed, aborted or failed); make a new one")
        return self._env

    def _close(self) -> None:
        if self._env is not None:
            self._env.close()
            self._env = None

    def _failed(self, reason: object) -> PackingError:
        # LMDB calls a write that the disk took only in part an input/output error.
        if isinstance(reason, lmdb.Error) and self._free_bytes() <= self._pending_bytes:
            reason = f"no space left on its disk ({reason})"
        self.abort()
        return PackingError(f"{self.path} can't be written: {reason}; what was written is removed, run it again")

    def _free_bytes(self) -> int:
        disk = os.statvfs(os.path.dirname(self.path))
        return disk.f_bavail * disk.f_frsize

    def _check_destination(self) -> None:
        if os.path.isdir(self.path):
            raise PackingError(f"{self.path} is a directory; remove it, or give the name of a file to write")
        if os.path.exists(self.path) and not self._overwrite:
            raise PackingError(
                f"{self.path} is there already; give another path, or replace it with --overwrite (overwrite=True)"
            )

    def _check_sample(self, data: bytes, label: Label, codec: Codec, pixels: int) -> None:
        self._environment()
        if codec not in CODECS:
            raise self._failed(
                f"sample {len(self)} is a {codec.name.lower()} record, which only packs hold; give a JPEG"
            )
        if codec == Codec.RAW and (len(data) != 3 * pixels or not pixels):
            raise self._failed(f"raw pixels of sample {len(self)}: expected {3 * pixels} bytes, got {len(data)}")
        given = np.asarray(label)
        shape = np.shape(self._labels[0]) if self._labels else given.shape
        if given.shape != shape or given.ndim > 1 or given.dtype.kind not in ("iub" if given.ndim == 0 else "iubf"):
            raise self._failed(
                f"label of sample {len(self)}: expected an int, or a (k,) array as in the samples before, got {label!r}"
            )

    def _check_range(self, labels: Labels) -> None:
        outside = np.flatnonzero((labels < -1) | (labels >= len(self._classes)))
        if self._classes and labels.ndim == 1 and len(outside):
            raise self._failed(
                f"label {labels[outside[0]]} of sample {outside[0]} is no position in the {len(self._classes)} classes"
            )


def _label_array(labels: Sequence[Label]) -> Labels:
    """(n,) int64, or (n, k) int64 or float32."""
    array = np.array(labels)
    return array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)


def _sync_folder(folder: str) -> None:
    """Makes a rename in `folder` last through a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Open LMDB files: each once per process, and again after a fork, as LMDB demands."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar

import lmdb

from ..errors import DatasetError, RecordError

__all__ = ["Environment", "open_environment"]

Value = TypeVar("Value")
Identity = tuple[int, int]


class Environment:
    """One LMDB file, open for reading. Safe in several threads."""

    def __init__(self, file: str, identity: Identity) -> None:
        self.file = file
        self.identity = identity
        self.closed = False
        try:
            self._env = lmdb.open(
                file, subdir=False, readonly=True, create=False, lock=False, readahead=False, max_dbs=0
            )
        except (lmdb.Error, OSError) as error:
            raise DatasetError(f"{file} can't be opened as an LMDB: {error}") from error
        self._bytes_needed = self._env.stat()["psize"] * (self._env.info()["last_pgno"] + 1)
        self._check_size()

    def read(self, keys: Sequence[bytes], copy: Callable[[int, memoryview | None], Value]) -> list[Value]:
        """`copy(position, value)` for each key: the stored value, valid only during this call, or None.

        Raises:
            RecordError: LMDB finds the pages damaged where a value should be; without a place, `.index` is the position
                of its key. DatasetError: the file can't be read, or is cut short.
        """
        self._check_size()
        position = None
        try:
            with _reads, self._env.begin(buffers=True) as transaction:
                values = []
                for position, key in enumerate(keys):
                    values.append(copy(position, transaction.get(key)))
                return values
        except lmdb.Error as error:
            reason = f"it can't be read: {error}; restore the file, or write it again"
            if position is None:
                raise DatasetError(f"{self.file}: {reason}") from error
            raise RecordError(reason, index=position) from error

    def value(self, key: bytes) -> bytes:
        """A copy of what is stored under `key`; b"" where nothing is. Raises DatasetError."""
        try:
            return self.read([key], lambda _, value: bytes(value or b""))[0]
        except RecordError as error:
            raise DatasetError(f"{self.file}: key {key.decode()!r}: {error.reason}") from error.__cause__

    def close(self) -> None:
        """Unmaps the file; the environment can't be read any more."""
        self.closed = True
        self._env.close()

    def _check_size(self) -> None:
        # LMDB maps the file: reading a page beyond its end would kill the process.
        try:
            status = os.stat(self.file)
        except FileNotFoundError:
            return  # removed or renamed; what is mapped stays whole
        if (status.st_dev, status.st_ino) == self.identity and status.st_size < self._bytes_needed:
            raise DatasetError(
                f"{self.file} is cut short: expected at least {self._bytes_needed} bytes, got {status.st_size}; "
                "restore the file, or write it again"
            )


class _Reads:
    """Counts the reads under way, so that a fork can wait until there are none: a child inherits the state of reads
    that other threads had begun, and closing its environments would wait for them for ever."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._count = 0

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def hold(self) -> None:
        """Waits until no read is under way, and keeps others from beginning."""
        self._changed.acquire()
        while self._count:
            self._changed.wait()

    def release(self) -> None:
        """Lets them go on."""
        self._changed.release()


_reads = _Reads()
_environments: weakref.WeakValueDictionary[Identity, Environment] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def open_environment(path: str) -> Environment:
    """The environment of the LMDB file, or directory, at `path`: shared by all who hold it in this process.

    Raises:
        DatasetError: it is not there, or LMDB can't open it.
    """
    file = os.path.join(path, "data.mdb") if os.path.isdir(path) else path
    try:
        status = os.stat(file)
    except OSError as error:
        raise DatasetError(f"{file} can't be opened as an LMDB: {error.strerror}; check the path") from error
    identity = (status.st_dev, status.st_ino)
    with _lock:
        environment = _environments.get(identity)
        if environment is None:
            environment = _environments[identity] = Environment(file, identity)
        return environment


def _before_fork() -> None:
    _lock.acquire()
    _reads.hold()


def _after_fork_in_parent() -> None:
    _reads.release()
    _lock.release()


def _after_fork_in_child() -> None:
    """Environments must not be used across a fork; the child opens its own when it reads."""
    for environment in list(_environments.values()):
        environment.close()
    _environments.clear()
    _after_fork_in_parent()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

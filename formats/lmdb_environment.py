"""Open LMDB files: each once per process, and again after a fork, as LMDB demands."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar

import lmdb

from ..errors import DatasetError

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
            DatasetError: LMDB finds its file damaged, or cut short.
        """
        self._check_size()
        try:
            with self._env.begin(buffers=True) as transaction:
                return [copy(position, transaction.get(key)) for position, key in enumerate(keys)]
        except lmdb.Error as error:
            raise DatasetError(f"{self.file} can't be read: {error}; restore the file, or write it again") from error

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


def _leave_to_parent() -> None:
    """In a forked child: environments must not be used across a fork, so the child opens its own when it reads."""
    global _lock  # noqa: PLW0603  (a thread of the parent may hold the old one)
    _lock = threading.Lock()
    for environment in list(_environments.values()):
        environment.close()
    _environments.clear()


os.register_at_fork(after_in_child=_leave_to_parent)

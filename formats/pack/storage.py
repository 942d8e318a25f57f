"""Files of a pack in the making: written under a temporary name, flushed, renamed; one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...errors import PackingError, RecordError
from .layout import INDEX_NAME, MANIFEST_NAME, PARQUET_NAME

__all__ = ["LOCK_NAME", "PLAN_NAME", "exclusive", "new_file", "remove_pack", "remove_temporaries", "require_free"]

PLAN_NAME = "plan.json"
LOCK_NAME = "pack.lock"

_SHARD = re.compile(r"shard-\d{5,}\.pack")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under `path` when the block ends well: flushed to disk, renamed, its directory flushed.

    When the block raises, nothing is left; when the process is killed, a hidden `*.tmp` file is.

    Raises:
        PackingError: the file can't be written (no room ...).
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb", buffering=1 << 16) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_directory(path.parent)
    except RecordError:
        raise
    except OSError as error:
        if isinstance(error, PackingError):
            raise
        raise _write_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Makes `directory` where it is missing, and keeps every other writer out of it.

    Raises:
        PackingError: another process is writing there, or it can't be made.
    """
    path = directory / LOCK_NAME
    is_new = not os.path.exists(directory)  # unlike Path.exists, False where the path can't be looked at
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path)
    except BlockingIOError:
        raise PackingError(
            f"{directory}: another process is writing a pack here (it holds {LOCK_NAME}); wait until it is done, "
            "or stop it"
        ) from None
    except OSError as error:
        raise _write_error(path, error) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
        if is_new:
            with contextlib.suppress(OSError):
                directory.rmdir()  # only where nothing was written


def require_free(directory: Path) -> None:
    """Raises PackingError where `directory` holds anything but the files of a pack."""
    if os.path.exists(directory) and not os.path.isdir(directory):
        raise PackingError(f"{directory}: expected a directory for the pack, got a file; name another destination")
    foreign = sorted(path.name for path in _entries(directory) if not _is_ours(path.name))
    if foreign:
        raise PackingError(
            f"{directory}: expected an empty directory or a pack, but it holds {foreign[0]!r}"
            f"{f' and {len(foreign) - 1} more' if foreign[1:] else ''}; name another destination"
        )


def remove_pack(directory: Path) -> None:
    """Removes a pack's files, its index first, so that a half-removed pack is never read as one."""
    (directory / INDEX_NAME).unlink(missing_ok=True)
    _flush_directory(directory)
    for path in _entries(directory):
        if _is_ours(path.name) and path.name != LOCK_NAME:
            path.unlink(missing_ok=True)


def remove_temporaries(directory: Path) -> None:
    """Removes what killed writers left under temporary names."""
    for path in _entries(directory):
        if path.name.endswith(".tmp") and _is_ours(path.name):
            path.unlink(missing_ok=True)


def _locked(path: Path) -> int:
    """A descriptor of the locked lock file. A file that its last owner has just unlinked is not taken for it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if os.path.isdir(directory) else []


def _is_ours(name: str) -> bool:
    if name.startswith(".") and name.endswith(".tmp"):
        name = name[1:].rsplit(".", 2)[0]
    return name in (INDEX_NAME, MANIFEST_NAME, PARQUET_NAME, PLAN_NAME, LOCK_NAME) or bool(_SHARD.fullmatch(name))


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_error(path: Path, error: OSError) -> PackingError:
    remedy = "free some room" if error.errno in _NO_ROOM else "see to it that it can be written"
    return PackingError(
        f"{path} can't be written: {error.strerror or error}. Nothing half-written is left, finished shards stay and "
        f"the source is untouched: {remedy}, then run the same command again to go on"
    )

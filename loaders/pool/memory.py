"""Memory without a name that two processes map: no entry in /dev/shm, gone with its last user, however that ends."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
import torch

__all__ = ["Descriptor", "create", "map_whole", "reserve"]

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class Descriptor:
    """An open file descriptor that closes once: in the process that holds it, by `close` or with the last reference."""

    def __init__(self, number: int) -> None:
        self.number = number

    def close(self) -> None:
        number, self.number = self.number, -1
        if number >= 0:
            with suppress(OSError):  # a forked child's user may have closed all descriptors
                os.close(number)

    __del__ = close

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self.number),)  # only while a process is being started, by its arguments


def create(name: str, size: int) -> Descriptor:
    """A new anonymous file of `size` zero bytes, which take no memory until they are written or reserved.

    Raises:
        MemoryError: with the reason and what to do.
    """
    try:
        descriptor = Descriptor(os.memfd_create(name, os.MFD_CLOEXEC))
        os.ftruncate(descriptor.number, size)
    except OSError as error:
        raise _refused(size, error) from error
    return descriptor


def reserve(descriptor: Descriptor, start: int, stop: int) -> None:
    """Takes memory for bytes `[start, stop)`, so that want of it is an error here, not a bus error at a later write.

    Raises:
        MemoryError: with the reason and what to do.
    """
    try:
        os.posix_fallocate(descriptor.number, start, stop - start)
    except OSError as error:
        raise _refused(stop - start, error) from error


def map_whole(descriptor: Descriptor, size: int) -> Bytes:
    """The file's bytes, shared with all who map it; unmapped with the last reference. Needs no open descriptor.

    Raises:
        MemoryError: with the reason and what to do.
    """
    # torch's mapping, unlike Python 3.11's mmap, keeps no descriptor open.
    path = f"/proc/self/fd/{descriptor.number}"
    try:
        tensor = torch.from_file(path, shared=True, size=size, dtype=torch.uint8)
    except RuntimeError as error:
        raise MemoryError(
            f"{size:,} bytes of shared memory can't be mapped ({error}); if files or mappings are too many "
            "(`ulimit -n`, vm.max_map_count), allow more or keep fewer batches"
        ) from error
    array: Bytes = tensor.numpy()
    return array


def _received(handle: Any) -> Descriptor:
    return Descriptor(handle.detach())


def _refused(size: int, error: OSError) -> MemoryError:
    reasons = {
        errno.EMFILE: "too many open files: raise `ulimit -n`",
        errno.ENFILE: "too many open files on this machine",
        errno.EFBIG: "the limit of this process on file sizes: raise `ulimit -f`",
    }
    why = reasons.get(error.errno or 0, "memory of the machine or its control group is used up")
    return MemoryError(
        f"no shared memory for {size:,} bytes of a result ({error.strerror}: {why}); make batches smaller, or fewer at "
        "a time (batch_size, prefetch_factor, num_workers), or keep fewer batches"
    )

"""/dev/shm, through which torch's worker processes send tensors: a lack of room is told before it is a bus error.

A tensor in shared memory is a file in a file system of limited size (64 MB in a Docker container, unless told
otherwise). Files there are given room only when they are written to, and a write that finds none kills the process
with SIGBUS, of which torch can only say that a worker "was killed by signal: Bus error". Newer versions of torch ask
for room first; then it is "No space left on device", or, for batches that are moved there while they are sent, a
traceback from a thread of the worker and a loader that waits for ever.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from ..._machine import SHARED_MEMORY, Room, VolumeState, shm_room
from ...errors import PenstockError

try:
    import fcntl
except ImportError:  # Windows, whose shared memory has no size of its own
    fcntl = None  # type: ignore[assignment]

__all__ = ["CheckedCollate", "Room", "check_room", "shm_room", "tensor_bytes"]

StatVFS = Callable[[str], VolumeState]

_ARRAYS = (torch.Tensor, np.ndarray)
_SCALARS = (int, float, str, bytes)
_SPREAD = 64
"""Samples of one dataset are taken to differ in size by less than this, when that saves looking at each."""


def check_room(
    needed_bytes: int, what: str = "a batch", *, path: str = SHARED_MEMORY, statvfs: StatVFS = os.statvfs
) -> None:
    """Raises PenstockError where shared memory has no room for `needed_bytes` more, which `what` takes."""
    room = shm_room(path, statvfs)
    if room is not None and needed_bytes > room.free:
        raise PenstockError(
            f"{what} needs {needed_bytes / 1e6:,.1f} MB of shared memory, but {path} has {room.free / 1e6:,.1f} MB of "
            f"{room.size / 1e6:,.1f} MB free; writing it would kill the worker process with a bus error. Give it more "
            "room (docker run --shm-size=8g or --ipc=host; elsewhere: mount -o remount,size=8g /dev/shm), make the "
            'batches, num_workers or prefetch_factor smaller, or set on_worker_death="restart" or workers="threads": '
            "these workers are Penstock's own and need no shared memory"
        )


def tensor_bytes(value: Any, *, unshared: bool = False) -> int:
    """Bytes of all tensors and arrays in nested tuples, lists, mappings and dataclasses.

    Args:
        unshared: count only what is moved into shared memory when it is sent: tensors on the CPU that are not there
            yet (each storage whole, and once). Arrays are sent through a pipe, and so don't count.
    """
    if unshared:
        storages = {each.data_ptr(): each.nbytes() for each in _unshared_storages(value)}
        return sum(storages.values())
    return sum([each.nbytes for each in _leaves(value)])


class CheckedCollate:
    """A `collate_fn` that, in one of torch's worker processes, first looks for room in shared memory for the batch.

    Elsewhere it is just `collate_fn`. Pickles where `collate_fn` does.

    Each worker could see the same free room and take it for itself. So where it would not do for a batch of every
    worker at once, they collate one after the other (by a lock on the folder, which the system releases if its holder
    dies), and the batch is moved into shared memory before the next one looks.

    Args:
        collate_fn: makes a batch of a list of samples.
        single: it converts samples instead, one by one (`batch_size=None`).
        path: where shared memory is.
        statvfs: asks for its size; for tests.

    Raises:
        PenstockError: there is not enough room; the message says how much is needed and free, and what to do.
    """

    def __init__(
        self,
        collate_fn: Callable[[Any], Any],
        *,
        single: bool = False,
        path: str = SHARED_MEMORY,
        statvfs: StatVFS = os.statvfs,
    ) -> None:
        self.collate_fn = collate_fn
        self.single = single
        self.path = path
        self.statvfs = statvfs

    def __call__(self, samples: Any) -> Any:
        """The batch of these samples, or what becomes of this one."""
        worker = get_worker_info()
        room = None if worker is None else shm_room(self.path, self.statvfs)
        if worker is None or room is None:
            return self.collate_fn(samples)
        plenty = room.free // worker.num_workers
        if self.single:  # it is there already, and only has to be moved
            sample = self.collate_fn(samples)
            return sample if tensor_bytes(sample, unshared=True) <= plenty else self._shared(lambda _: sample, samples)
        needed = _size(samples, plenty)
        if needed > plenty:
            return self._shared(self.collate_fn, samples, needed)
        batch = self.collate_fn(samples)
        self._check(tensor_bytes(batch, unshared=True), samples)
        return batch

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.collate_fn!r})"

    def _shared(self, collate_fn: Callable[[Any], Any], samples: Any, needed: int = 0) -> Any:
        """What `collate_fn` makes, moved into shared memory before another worker looks for room."""
        with _lock(self.path):
            self._check(needed, samples)
            batch = collate_fn(samples)
            self._check(tensor_bytes(batch, unshared=True), samples)
            for storage in _unshared_storages(batch):
                storage.share_memory_()
        return batch

    def _check(self, needed: int, samples: Any) -> None:
        what = "a sample" if self.single else f"a batch of {len(samples)} samples"
        check_room(needed, what, path=self.path, statvfs=self.statvfs)


def _size(samples: list[Any], plenty: int) -> int:
    """Bytes of the samples, or an estimate that is far below `plenty`."""
    estimate = tensor_bytes(samples[:1]) * len(samples)
    return estimate if estimate * _SPREAD < plenty else tensor_bytes(samples)


def _leaves(value: Any, above: frozenset[int] = frozenset()) -> Iterator[torch.Tensor | np.ndarray[Any, Any]]:
    """The tensors and arrays in a nest, each as often as it occurs; what holds itself is not entered again."""
    if isinstance(value, torch.Tensor | np.ndarray):
        yield value
        return
    if (not isinstance(value, tuple | list | Mapping) and not is_dataclass(value)) or id(value) in above:
        return
    inside = above | {id(value)}
    for each in _parts(value):
        if not isinstance(each, int | float | str | bytes):
            yield from _leaves(each, inside)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple | list):
        return value
    if isinstance(value, Mapping):
        return value.values()
    return (getattr(value, field.name) for field in fields(value))


def _unshared_storages(value: Any) -> list[torch.UntypedStorage]:
    tensors = (leaf for leaf in _leaves(value) if isinstance(leaf, torch.Tensor))
    strided = (each for each in tensors if each.layout == torch.strided and each.device.type == "cpu")
    unshared = (each for each in strided if not each.is_shared())  # type: ignore[no-untyped-call]  # in torch
    return [each.untyped_storage() for each in unshared]


@contextlib.contextmanager
def _lock(folder: str) -> Iterator[None]:
    """Holds the folder's lock; nothing where it can't be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

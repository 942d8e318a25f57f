"""Batch buffers that are used again once nobody holds them."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["BufferPool"]

_ALIGNMENT = 64
"""Bytes; a cache line, the widest vector, and what torch gives its own tensors."""


class BufferPool:
    """Memory for batches. Fresh memory is mapped and zeroed page by page, which takes longer than filling it.

    An array from `take` is alone with its memory until the last reference to it is gone: from numpy, from tensors made
    by `torch.from_numpy` and all that shares their storage (views, saved activations, DLPack capsules, arrays), from
    buffer exports. Only then the memory is free again, in whatever thread that happens. Safe to use from several
    threads.

    Args:
        dtype: of the batches.
        kept: how many free buffers to keep; the oldest of any more are given back to the system.
    """

    def __init__(self, dtype: DTypeLike, *, kept: int) -> None:
        self._dtype = np.dtype(dtype)
        # All that is done to it is one atomic step: the garbage collector may free a buffer in the middle of `take`.
        self._free: deque[NDArray[np.uint8]] = deque(maxlen=kept)

    @property
    def free(self) -> int:
        """How many free buffers there are."""
        return len(self._free)

    def take(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """A writable C-contiguous array with arbitrary content, aligned to 64 bytes."""
        size = math.prod(shape) * self._dtype.itemsize
        try:
            memory = self._free.pop()  # what was used last is the likeliest to be in a cache
        except IndexError:
            memory = _aligned(size)
        if not size <= len(memory) <= 2 * size:
            memory = _aligned(size)
        return np.asarray(_Lease(memory, self))[:size].view(self._dtype).reshape(shape)

    def close(self) -> None:
        """Gives back what is free now, and from now on whatever becomes free."""
        self._free = deque(maxlen=0)

    def give_back(self, memory: NDArray[np.uint8]) -> None:
        """Takes back memory that nobody holds any more."""
        self._free.append(memory)


class _Lease:
    """The one owner of a buffer in use: arrays over its memory keep it alive, and when it goes, they have gone."""

    __slots__ = ("__array_interface__", "_memory", "_pool")

    def __init__(self, memory: NDArray[np.uint8], pool: BufferPool) -> None:
        self.__array_interface__ = memory.__array_interface__
        self._memory = memory
        self._pool = pool

    def __del__(self) -> None:
        self._pool.give_back(self._memory)


def _aligned(size: int) -> NDArray[np.uint8]:
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size]

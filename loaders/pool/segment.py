"""Segments: pieces of shared memory in which results travel."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .memory import Bytes, Descriptor, create, map_whole, reserve

__all__ = ["Lease", "Segment", "aligned"]

_ALIGNMENT = 64


class Lease(np.ndarray[Any, np.dtype[np.uint8]]):
    """The bytes of a segment during one delivery. Every array or tensor made from them keeps this object alive.

    It is a class of its own because numpy lets a view of a view refer to the first of its own class.
    """


class Segment:
    """A piece of shared memory that a sender writes results to, one delivery at a time.

    Args:
        slot: its number between sender and receiver; -1: it is used for one delivery only.
        capacity: its size in bytes, which take no memory until they are taken.
    """

    def __init__(self, slot: int, capacity: int) -> None:
        self.slot = slot
        self.capacity = capacity
        self.used = 0
        self.known = False  # whether the receiver has mapped it
        self.descriptor: Descriptor = create("penstock-result", capacity)
        self.bytes: Bytes = map_whole(self.descriptor, capacity)
        self._reserved = 0
        self._lease: weakref.ref[Lease] | None = None

    @property
    def leased(self) -> bool:
        """Whether anything in the sender refers to bytes that were leased."""
        return self._lease is not None and self._lease() is not None

    def lease(self) -> Lease:
        """The lease of the delivery under way; a new one if nothing refers to the last one any more."""
        lease = self._lease() if self._lease is not None else None
        if lease is None:
            lease = self.bytes.view(Lease)
            self._lease = weakref.ref(lease)
        return lease

    def room(self, size: int) -> bool:
        return aligned(self.used) + size <= self.capacity

    def take(self, size: int) -> int:
        """Takes `size` bytes for the delivery under way: their offset, a multiple of 64.

        Raises:
            MemoryError: the machine or its control group has no memory for them.
        """
        offset = aligned(self.used)
        if offset + size > self._reserved:
            reserve(self.descriptor, self._reserved, offset + size)
            self._reserved = offset + size
        self.used = offset + size
        return offset

    def find(self, address: int, size: int) -> int | None:
        """The offset of memory that lies in the bytes taken; None: it lies elsewhere."""
        offset = address - int(self.bytes.ctypes.data)
        return offset if offset >= 0 and offset + size <= self.used else None


def aligned(offset: int) -> int:
    """The next multiple of 64, which any dtype and vector unit can live with."""
    return -(-offset // _ALIGNMENT) * _ALIGNMENT

"""The receiver's side of shared memory: maps segments, and gives them back when nothing refers to them any more."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass

from .arena import DROPPED, RETURNED
from .memory import Bytes, Descriptor, map_whole
from .segment import Lease

__all__ = ["Mappings"]

_MAX_IDLE = 4


@dataclass(eq=False, slots=True)
class _Mapping:
    bytes: Bytes
    forked: bool = False


class Mappings:
    """Segments of one sender that this process has mapped.

    A fork shares what is leased with the child, which may look at it for ever: so it is not used again.

    Args:
        flags: the sender's, see `Arena`; None: no segment is used again.
    """

    def __init__(self, flags: Bytes | None = None) -> None:
        self._flags = flags
        self._known: dict[int, _Mapping] = {}
        self._idle: set[int] = set()
        _living.add(self)

    def lease(self, slot: int, capacity: int, descriptor: Descriptor | None) -> Lease:
        """The bytes of a segment that was sent; with its descriptor, if it is new, which is closed."""
        if descriptor is not None:
            self._idle.discard(slot)
            mapping = _Mapping(map_whole(descriptor, capacity))
            descriptor.close()
            if slot >= 0:
                self._known[slot] = mapping
        else:
            mapping = self._known[slot]
        self._idle.discard(slot)
        lease = mapping.bytes.view(Lease)
        if slot >= 0:
            weakref.finalize(lease, _release, weakref.ref(self), slot, mapping).atexit = False
        return lease

    def retire(self, slot: int) -> None:
        """Unmaps a segment that the sender won't use again."""
        self._idle.discard(slot)
        self._known.pop(slot, None)

    def close(self) -> None:
        """Unmaps what nothing refers to; the rest goes with its last reference."""
        self._flags = None
        self._known.clear()
        self._idle.clear()

    def fork(self) -> None:
        """Notes what a child may look at from now on."""
        for slot, mapping in tuple(self._known.items()):
            mapping.forked = mapping.forked or slot not in self._idle

    def release(self, slot: int, mapping: _Mapping) -> None:
        """Gives a segment back, unless this is closed: in a forked child too, which drops copies of references."""
        if self._flags is None or self._known.get(slot) is not mapping:
            return
        if mapping.forked or len(self._idle) >= _MAX_IDLE:
            del self._known[slot]
            self._flags[slot] = DROPPED
        else:
            self._idle.add(slot)
            self._flags[slot] = RETURNED


def _release(mappings: weakref.ref[Mappings], slot: int, mapping: _Mapping) -> None:
    # A lease keeps its own mapping alive, and not those of other segments.
    found = mappings()
    if found is not None:
        found.release(slot, mapping)


_living: weakref.WeakSet[Mappings] = weakref.WeakSet()


def _before_fork() -> None:
    for mappings in tuple(_living):
        mappings.fork()


def _after_fork_in_child() -> None:
    # A child that keeps what is idle would keep its memory from being freed.
    for mappings in tuple(_living):
        mappings.close()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)

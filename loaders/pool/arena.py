"""The sender's segments: where results are written or even made, used again when the receiver is done."""

from __future__ import annotations

import threading

import torch

from .memory import Bytes
from .segment import Segment

__all__ = ["DROPPED", "HELD", "RETURNED", "Arena"]

HELD, RETURNED, DROPPED = 0, 1, 2
"""What is written about a slot: in use, free to be used again, or unmapped by the receiver."""

_MAX_SLOTS = 250  # each costs the sender a descriptor; results beyond that have segments of their own
_MAX_FREE = 4  # that do not fit what is sent now
_SMALLEST = 1 << 20
_DIRECT = 1 << 15  # smaller tensors are copied: that costs less than keeping account of them


class Arena:
    """Segments of one sender, for one delivery after the other: `begin`, then `allocate` and `take`, then `finish`.

    Args:
        flags: a byte per slot, shared with the receiver, which writes RETURNED or DROPPED; None: no segment is used
            again.
    """

    def __init__(self, flags: Bytes | None = None) -> None:
        self._flags = flags
        self._segments: dict[int, Segment] = {}  # by slot
        self._open: list[Segment] = []  # of the delivery under way
        self._retired: list[int] = []
        self._largest = _SMALLEST
        self._working = False
        self._lock = threading.RLock()  # a job may have threads of its own

    def begin(self) -> None:
        self._working = True

    def allocate(self, size: int) -> torch.UntypedStorage | None:
        """A storage that needs no copy if it is part of this delivery; None: ordinary memory does."""
        with self._lock:
            if not self._working or size < _DIRECT:
                return None
            segment, offset = self.take(size)
            return torch.frombuffer(segment.lease()[offset : offset + size], dtype=torch.uint8).untyped_storage()

    def take(self, size: int) -> tuple[Segment, int]:
        """Room for `size` bytes in this delivery: a segment, and the offset in it."""
        with self._lock:
            segment = next((s for s in self._open if s.room(size)), None)
            if segment is None:
                segment = self._free(size) or self._new(size)
                self._open.append(segment)
            return segment, segment.take(size)

    def find(self, address: int, size: int) -> tuple[Segment, int] | None:
        """Where memory lies, if it was allocated for this delivery."""
        for segment in tuple(self._open):
            offset = segment.find(address, size)
            if offset is not None:
                return segment, offset
        return None

    def finish(self, sent: list[Segment]) -> tuple[list[Segment], list[int]]:
        """Ends a delivery, of which `sent` goes to the receiver. Nothing in it may be referred to by the caller.

        Memory that the job goes on using (it keeps a batch for later, say) is not given away: a copy is.

        Returns:
            (the segments to send, slots that the receiver shall unmap)
        """
        with self._lock:
            given = self._end(sent)
            retired, self._retired = self._retired, []
            return given, retired

    def abandon(self) -> None:
        """Ends a delivery of which nothing is sent."""
        with self._lock:
            self._end([])

    def _end(self, sent: list[Segment]) -> list[Segment]:
        self._working = False
        self._largest = max(self._largest, sum(s.used for s in self._open))
        kept = [segment for segment in self._open if segment.leased]
        given = [self._copy(segment) if segment in kept else segment for segment in sent]
        for segment in self._open:
            if segment in kept:
                self._forget(segment)
            elif segment not in given:
                self._flag(segment, RETURNED)
        self._open = []
        return given

    def _flag(self, segment: Segment, state: int) -> None:
        if self._flags is not None and segment.slot >= 0:
            self._flags[segment.slot] = state

    def _free(self, size: int) -> Segment | None:
        """The smallest segment for `size` bytes that nobody holds."""
        if self._flags is None:
            return None
        states = self._flags[:_MAX_SLOTS].tolist()
        for slot in [s for s in self._segments if states[s] == DROPPED]:
            del self._segments[slot]
        free = sorted((s for s in self._segments.values() if states[s.slot] == RETURNED), key=lambda s: s.capacity)
        segment = next((s for s in free if s.capacity >= size), None)
        if segment is not None:
            self._flag(segment, HELD)
            segment.used = 0
        elif len(free) > _MAX_FREE:
            self._forget(free[0])
        return segment

    def _new(self, size: int) -> Segment:
        slot = -1
        if self._flags is not None and len(self._segments) < _MAX_SLOTS:
            slot = next(s for s in range(_MAX_SLOTS) if s not in self._segments)
        segment = Segment(slot, 2 * max(size, self._largest))  # room for what comes beside it costs nothing
        if slot >= 0:
            self._segments[slot] = segment
            self._flag(segment, HELD)
        return segment

    def _copy(self, segment: Segment) -> Segment:
        copy = self._new(segment.used)
        copy.take(segment.used)
        copy.bytes[: segment.used] = segment.bytes[: segment.used]
        return copy

    def _forget(self, segment: Segment) -> None:
        if segment.slot >= 0:
            del self._segments[segment.slot]
            if segment.known:
                self._retired.append(segment.slot)

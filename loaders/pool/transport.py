"""How values travel between processes: pickled, with the bytes of tensors and arrays in shared memory beside them.

A message is small. It has a pickled stream, a table of parts (the bytes of a tensor's storage, or of an array), and the
parts. All of it lies in the message if it is small, else in a segment of shared memory, whose descriptor goes with
the message when the receiver does not have it yet. Tensors that were made in a segment (see `Arena.allocate`) are not
copied at all.
"""

from __future__ import annotations

import errno
import pickle
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import torch

from .arena import Arena
from .mappings import Mappings
from .memory import Bytes, Descriptor
from .pickling import Pickler, loads
from .segment import Segment, aligned

__all__ = ["Packed", "Parcel", "pack", "unpack"]

_INLINE = 1 << 15
_HEAD_LENGTH = struct.Struct("<I")
_NO_SEGMENT = -1
_ROW = 32  # bytes of a part in the table


class _Head(NamedTuple):
    segments: list[tuple[int, int, bool]]  # slot, capacity, whether a descriptor comes with it
    retired: list[int]  # slots to unmap
    body: tuple[int, int, int]  # which of the segments (-1: the message), offset, length
    stream: int  # length
    parts: int  # how many the table has
    storages: int  # how many of them, the first, are storages; the others are pickle's buffers


class _Part(NamedTuple):
    segment: int
    offset: int
    length: int
    start: int  # of the bytes sent, in the storage that they are from


class _Plan:
    """Where the parts of a value go: those that lie in segments already stay, the others follow the stream."""

    def __init__(self, pickler: Pickler, stream: Bytes, arena: Arena) -> None:
        self.segments: list[Segment] = []
        arrays = [s.bytes() for s in pickler.storages]
        arrays += [np.frombuffer(buffer.raw(), np.uint8) for buffer in pickler.buffers]
        starts = [s.start for s in pickler.storages] + [0] * len(pickler.buffers)
        table = np.zeros((len(arrays), 4), np.int64)
        copies: list[tuple[int, Bytes]] = [(0, stream), (aligned(len(stream)), table.reshape(-1).view(np.uint8))]
        end = aligned(copies[1][0] + table.nbytes)
        for row, (array, start) in enumerate(zip(arrays, starts, strict=True)):
            found = arena.find(array.ctypes.data, array.nbytes) if array.nbytes else None
            if found is not None:
                table[row] = _Part(self._index(found[0]), found[1], array.nbytes, start)
            else:
                table[row] = _Part(_NO_SEGMENT, end, array.nbytes, start)
                copies.append((end, array))
                end = aligned(end + array.nbytes)
        self._place(end, arena)
        for offset, array in copies:
            self.body[offset : offset + array.nbytes] = array
        self.parts = len(table)
        self.nbytes = int(table[:, 2].sum()) + len(stream)

    def _index(self, segment: Segment) -> int:
        if segment not in self.segments:
            self.segments.append(segment)
        return self.segments.index(segment)

    def _place(self, length: int, arena: Arena) -> None:
        self.inline = length <= _INLINE
        if self.inline:
            self.body: Bytes = np.zeros(length, np.uint8)
            self.where = (_NO_SEGMENT, 0, length)
        else:
            segment, offset = arena.take(length)
            self.body = segment.bytes[offset : offset + length]
            self.where = (self._index(segment), offset, length)


class Packed:
    """A value ready to be sent. It holds no reference to the value.

    Attributes:
        nbytes: size of the value, not counting what was sent before.
    """

    def __init__(self, value: Any, arena: Arena) -> None:
        file = BytesIO()
        pickler = Pickler(file)
        pickler.dump(value)
        stream = np.frombuffer(file.getbuffer(), np.uint8)
        plan = _Plan(pickler, stream, arena)
        self.nbytes = plan.nbytes
        self._arena = arena
        self._segments = plan.segments
        self._where = plan.where
        self._lengths = len(stream), plan.parts, len(pickler.storages)
        self._inline = plan.body.tobytes() if plan.inline else b""

    def seal(self) -> tuple[bytes, list[Descriptor]]:
        """The message and its descriptors. Ends the arena's delivery: by now the value should be gone."""
        segments, retired = self._arena.finish(self._segments)
        fresh = [not segment.known for segment in segments]
        rows = [(s.slot, s.capacity, new) for s, new in zip(segments, fresh, strict=True)]
        head = pickle.dumps(tuple(_Head(rows, retired, self._where, *self._lengths)))
        for segment in segments:
            segment.known = True
        descriptors = [s.descriptor for s, new in zip(segments, fresh, strict=True) if new]
        return _HEAD_LENGTH.pack(len(head)) + head + self._inline, descriptors


def pack(value: Any, arena: Arena) -> Packed:
    """Pickles a value and copies its bytes into the arena's segments.

    Raises:
        MemoryError: there is no shared memory for it.
        Exception: whatever its pickling raises.
    """
    return Packed(value, arena)


class Parcel:
    """A value that has arrived. Its memory is held until `open`, and then as long as anything in the value lives."""

    def __init__(self, head: _Head, leases: Sequence[Bytes], inline: Bytes) -> None:
        self._head = head
        self._leases = leases
        index, offset, length = head.body
        self._body = inline if index == _NO_SEGMENT else leases[index][offset : offset + length]

    def open(self) -> Any:
        """The value. Its tensors and arrays are writable, and no other value's.

        Raises:
            Exception: whatever its unpickling raises.
        """
        head = self._head
        begin = aligned(head.stream)
        table = self._body[begin : begin + head.parts * _ROW].view(np.int64).reshape(-1, 4)
        parts = [_Part(*row) for row in table.tolist()]
        regions = [self._region(part) for part in parts]
        storages = [(_as_storage(r), p.start) for r, p in zip(regions[: head.storages], parts, strict=False)]
        return loads(self._body[: head.stream].data, storages, regions[head.storages :])

    def _region(self, part: _Part) -> Bytes:
        memory = self._body if part.segment == _NO_SEGMENT else self._leases[part.segment]
        return memory[part.offset : part.offset + part.length]


def unpack(message: bytes, descriptors: Sequence[Descriptor], mappings: Mappings) -> Parcel:
    """What `Packed.seal` made. Maps the segments, and closes their descriptors.

    Raises:
        OSError: this process had no room for the descriptors.
        MemoryError: the segments can't be mapped.
    """
    (length,) = _HEAD_LENGTH.unpack_from(message)
    head = _Head(*pickle.loads(message[_HEAD_LENGTH.size : _HEAD_LENGTH.size + length]))
    for slot in head.retired:
        mappings.retire(slot)
    if len(descriptors) < sum(new for _, _, new in head.segments):
        raise OSError(errno.EMFILE, "too many open files to receive a result: raise `ulimit -n`")
    given = iter(descriptors)
    leases = [mappings.lease(slot, capacity, next(given) if new else None) for slot, capacity, new in head.segments]
    inline: Bytes = (
        torch.frombuffer(bytearray(message[_HEAD_LENGTH.size + length :] or b"\0"), dtype=torch.uint8).clone().numpy()
    )
    return Parcel(head, leases, inline)


def _as_storage(region: Bytes) -> torch.UntypedStorage:
    return torch.frombuffer(region, dtype=torch.uint8).untyped_storage() if len(region) else torch.UntypedStorage(0)  # type: ignore[no-untyped-call]

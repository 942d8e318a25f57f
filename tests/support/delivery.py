"""Stand-ins for what a delivery works with: an engine, and a device that copies late."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from penstock.loaders.devices.tree import map_tensors
from penstock.loaders.engines.base import EngineIterator
from penstock.loaders.state.passes import Cursor, Pass

NOT_COPIED, HOST_MEMORY_GONE = -1, -2


class Engine(EngineIterator):
    """Gives the outcomes (batches, and errors to raise) one after another; cursors count them from 1.

    `readiness` is what `ready` answers, in turn; after its end, always the last.
    """

    def __init__(self, outcomes: Sequence[Any], readiness: Sequence[bool] = (True,)) -> None:
        self.outcomes = list(outcomes)
        self.readiness = list(readiness)
        self.takes = 0
        self.closed = 0
        self.resets: list[Any] = []
        self._pass = Pass(0, {}, Cursor(0))

    def take(self) -> tuple[Any, Cursor]:
        if self.takes >= len(self.outcomes):
            raise StopIteration
        position, outcome = self.takes, self.outcomes[self.takes]
        self.takes += 1
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome, Cursor(position + 1, samples=1)

    def ready(self) -> bool:
        return self.readiness.pop(0) if len(self.readiness) > 1 else self.readiness[0]

    def close(self) -> None:
        self.closed += 1

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        self.resets.append((loader, first_iter))
        self.takes = 0
        self._pass = Pass(1, {}, Cursor(0))

    def __len__(self) -> int:
        return len(self.outcomes)


@dataclass
class _Copied:
    device: LateDevice
    count: int

    def query(self) -> bool:
        return self.device.done >= self.count

    def synchronize(self) -> None:
        self.device.run(self.count)


@dataclass
class LateDevice:
    """`Streams` of a device that copies as late as it may: when somebody waits for the copies' event.

    Until then a tensor that was sent holds NOT_COPIED. A copy whose host memory nobody kept gives HOST_MEMORY_GONE.
    """

    done: int = 0
    copies: list[tuple[weakref.ref[torch.Tensor], torch.Tensor]] = field(default_factory=list)
    pinned: list[Any] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    in_side_stream: bool = False

    def pin(self, part: Any) -> Any:
        pinned = map_tensors(torch.clone, part)
        self.pinned.append(weakref.ref(pinned) if isinstance(pinned, torch.Tensor) else None)
        return pinned

    @contextlib.contextmanager
    def copying(self) -> Iterator[None]:
        self.in_side_stream = True
        yield
        self.in_side_stream = False

    def send(self, part: Any) -> Any:
        return map_tensors(self._copy, part)

    def _copy(self, source: torch.Tensor) -> torch.Tensor:
        if not self.in_side_stream:
            raise RuntimeError("a copy outside the side stream")
        target = torch.full_like(source, NOT_COPIED)
        self.copies.append((weakref.ref(source), target))
        return target

    def copied(self) -> _Copied:
        return _Copied(self, len(self.copies))

    def receive(self, held: Iterable[Any], copied: _Copied) -> None:
        self.run(copied.count)
        self.received.extend(held)

    def run(self, count: int) -> None:
        """The device gets on with its work, up to this many copies in all."""
        for reference, target in self.copies[self.done : count]:
            source = reference()
            if source is None:
                target.fill_(HOST_MEMORY_GONE)
            else:
                target.copy_(source)
        self.done = max(self.done, count)

"""The board of a worker: shared memory where it notes what it is doing, readable after its death."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .memory import Bytes, Descriptor, create, map_whole

__all__ = ["IDLE", "STARTING", "Board", "Counters", "Standing"]

_SIZE = 4096

# Words of 8 bytes.
_READY, _NUMBER, _STAGE, _SAMPLE, _SINCE, _CLOSING, _CANCELLED = range(7)
_TASKS, _SAMPLES, _BYTES, _ERRORS, _STAGES = range(8, 13)
_SECONDS = 16  # nanoseconds per stage
# Bytes.
_NAMES = 512
_NAME_LENGTH = 32
_MAX_STAGES = 32
_LAST_WORDS = 384
_LAST_WORDS_LENGTH = _NAMES - _LAST_WORDS
_FLAGS = _NAMES + _MAX_STAGES * _NAME_LENGTH

IDLE = "idle"
STARTING = "starting"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a worker is, or was when it died.

    Attributes:
        number: of its task; -1: none.
        stage: what it does; "idle": it waits for a task.
        sample: index of the sample; -1: none.
        since: when that began, in nanoseconds of the machine's monotonic clock.
    """

    number: int
    stage: str
    sample: int
    since: int

    @property
    def seconds(self) -> float:
        return (time.monotonic_ns() - self.since) / 1e9


@dataclass(slots=True)
class Counters:
    """What one worker did so far, its predecessors that died included.

    Attributes:
        tasks: results made.
        samples: in them.
        bytes: of them.
        errors: tasks that raised.
        seconds: time spent in each stage; "idle" is waiting for a task, "send" is handing over results.
    """

    tasks: int = 0
    samples: int = 0
    bytes: int = 0
    errors: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: Counters) -> Counters:
        stages = {**self.seconds, **other.seconds}
        return Counters(
            self.tasks + other.tasks,
            self.samples + other.samples,
            self.bytes + other.bytes,
            self.errors + other.errors,
            {stage: self.seconds.get(stage, 0.0) + other.seconds.get(stage, 0.0) for stage in stages},
        )


class Board:
    """One worker's notes: written by the worker (it is the job's `Place`), read by the parent.

    Args:
        descriptor: of memory to share; None: the parent's own, for a worker that is a thread.
    """

    def __init__(self, descriptor: Descriptor | None = None) -> None:
        self._descriptor = descriptor
        array = map_whole(descriptor, _SIZE) if descriptor is not None else np.zeros(_SIZE, np.uint8)
        self._bytes: Bytes = array
        self._words = memoryview(array.data).cast("B").cast("q")
        self._words[_NUMBER] = -1
        self._slots: dict[str, int] = {}
        self.flags = array[_FLAGS:_SIZE]  # bytes by which the parent gives memory back, see `arena`

    @classmethod
    def shared(cls) -> Board:
        """A new board that can be sent to the worker's process."""
        board = cls(create("penstock-board", _SIZE))
        board.at(STARTING)
        return board

    def unlink(self) -> None:
        """Closes the descriptor, when the worker has the board; the memory stays."""
        if self._descriptor is not None:
            self._descriptor.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._descriptor is None:
            raise TypeError("the board of a thread can't be sent to another process")
        return Board, (self._descriptor,)

    # The worker's side.

    def at(self, stage: str, sample: int = -1) -> None:
        """See `Place.at`."""
        words = self._words
        now = time.monotonic_ns()
        slot = self._slots.get(stage)
        if slot is None:
            slot = self._add(stage)
        if words[_SINCE]:
            words[_SECONDS + words[_STAGE]] += now - words[_SINCE]
        words[_SINCE] = 0  # whoever reads meanwhile, reads again
        words[_STAGE] = slot
        words[_SAMPLE] = sample
        words[_SINCE] = now

    def _add(self, stage: str) -> int:
        count = self._words[_STAGES]
        names = [self._name(slot) for slot in range(count)]
        name = stage.encode()[:_NAME_LENGTH].decode(errors="ignore")
        slot = names.index(name) if name in names else min(count, _MAX_STAGES - 1)  # too many share the last one
        encoded = np.frombuffer(name.encode().ljust(_NAME_LENGTH, b"\0"), np.uint8)
        self._bytes[_NAMES + slot * _NAME_LENGTH :][:_NAME_LENGTH] = encoded
        self._words[_STAGES] = max(count, slot + 1)
        self._slots[stage] = slot
        return slot

    def begin(self, number: int) -> None:
        """Notes the number of the task that begins."""
        self._words[_NUMBER] = number

    def count(self, samples: int, size: int, *, failed: bool) -> None:
        """Counts a task; before its result is sent, so that whoever has the result sees it counted."""
        words = self._words
        if failed:
            words[_ERRORS] += 1
        else:
            words[_TASKS] += 1
            words[_SAMPLES] += samples
            words[_BYTES] += size

    def end(self) -> None:
        """Notes that the worker waits for the next task."""
        self._words[_NUMBER] = -1
        self.at(IDLE)

    def last_words(self, words: str) -> None:
        """Notes what ends the worker, as far as there is room."""
        encoded = words.encode(errors="replace")[:_LAST_WORDS_LENGTH].ljust(_LAST_WORDS_LENGTH, b"\0")
        self._bytes[_LAST_WORDS:_NAMES] = np.frombuffer(encoded, np.uint8)

    def ready(self) -> None:
        """Notes that the worker listens to signals."""
        self._words[_READY] = 1

    @property
    def closing(self) -> bool:
        return bool(self._words[_CLOSING])

    def cancelled(self, serial: int) -> bool:
        return serial < self._words[_CANCELLED]

    # The parent's side.

    def close(self) -> None:
        """Tells the worker to end after the sample's task that it is at."""
        self._words[_CLOSING] = 1

    def cancel(self, below: int) -> None:
        """Tells the worker to leave out tasks with a smaller serial number."""
        self._words[_CANCELLED] = below

    @property
    def is_ready(self) -> bool:
        return bool(self._words[_READY])

    @property
    def heard(self) -> str:
        """The worker's last words; empty where it had none."""
        return self._bytes[_LAST_WORDS:_NAMES].tobytes().rstrip(b"\0").decode(errors="ignore")

    def standing(self) -> Standing:
        """Where the worker is. A worker that died while it wrote leaves what it had written."""
        words = self._words
        for _ in range(1000):
            since = words[_SINCE]
            found = Standing(words[_NUMBER], self._name(words[_STAGE]), words[_SAMPLE], since or time.monotonic_ns())
            if since and words[_SINCE] == since:
                break
        return found

    def counters(self, *, running: bool = True) -> Counters:
        """Totals; with those of a running worker, the time at its present stage."""
        words = self._words
        seconds = {self._name(slot): words[_SECONDS + slot] / 1e9 for slot in range(words[_STAGES])}
        if running and words[_SINCE]:
            stage = self._name(words[_STAGE])
            seconds[stage] = seconds.get(stage, 0.0) + max(0, time.monotonic_ns() - words[_SINCE]) / 1e9
        return Counters(words[_TASKS], words[_SAMPLES], words[_BYTES], words[_ERRORS], seconds)

    def _name(self, slot: int) -> str:
        name = self._bytes[_NAMES + slot * _NAME_LENGTH :][:_NAME_LENGTH].tobytes()
        return name.rstrip(b"\0").decode(errors="replace")

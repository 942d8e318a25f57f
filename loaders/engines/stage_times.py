"""What threads of Python have done, and what they are at, by stage."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from ..stats.stats import StageCounters

__all__ = ["Stage", "StageTimes"]


@dataclass(slots=True)
class Stage:
    """One time in a stage; who is in it may say more.

    Attributes:
        name: of the stage.
        index: of the sample that is worked on, or of the first of several.
        began: when, by `time.perf_counter`.
        samples, nbytes: that go through it.
    """

    name: str
    index: int
    began: float
    samples: int = 1
    nbytes: int = 0


class StageTimes:
    """Counts for several threads, and knows where each is. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, StageCounters] = {}
        self._current: dict[int, Stage] = {}
        self._numbers = itertools.count()

    @contextmanager
    def stage(self, name: str, index: int) -> Iterator[Stage]:
        """The caller is in this stage; an exception counts as an error of it."""
        stage = Stage(name, index, perf_counter())
        number = next(self._numbers)
        self._current[number] = stage
        errors = 1
        try:
            yield stage
            errors = 0
        finally:
            del self._current[number]
            self._add(stage, errors)

    def counters(self) -> dict[str, StageCounters]:
        """By stage."""
        with self._lock:
            return dict(self._done)

    def current(self) -> list[tuple[int, Stage]]:
        """Where threads are, the longest there first; each stay has a number of its own."""
        return sorted(self._current.copy().items(), key=lambda pair: pair[1].began)

    def _add(self, stage: Stage, errors: int) -> None:
        seconds = perf_counter() - stage.began
        with self._lock:
            known = self._done.get(stage.name, StageCounters())
            self._done[stage.name] = StageCounters(
                known.seconds + seconds,
                known.samples + (0 if errors else stage.samples),
                known.nbytes + stage.nbytes,
                known.errors + errors,
            )

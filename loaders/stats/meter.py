"""What one pass over a loader measures, at each step, at a cost that no step feels."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from .stats import Counters, Setup, StageCounters, Stats

__all__ = ["Meter"]

_RECENT = 512
"""Steps that are kept one by one."""


class Meter:
    """The running sums of one pass; constant memory, and about a microsecond a batch.

    One thread at a time feeds it, the one that iterates. Any thread may ask for `stats`.

    Args:
        setup: how the pass is run.
        counters: asks the engine's workers, at any time, what they have done since they were started; after `close` it
            is not called any more.

    Attributes:
        batches, samples: that were delivered.
        wait_seconds, step_seconds: of the consumer, after the first batch.
        skipped, substituted, restarts: see `Stats`; whoever knows counts them here.
    """

    def __init__(self, setup: Setup, counters: Callable[[], Counters] = Counters) -> None:
        self.setup = setup
        self._counters = counters
        self._before = counters()
        self._final: Counters | None = None
        self._last_ended = 0.0
        self._waits = array("d", bytes(8 * _RECENT))
        self._steps = array("d", bytes(8 * _RECENT))
        self.batches = self.samples = self._nbytes = 0
        self._first_samples = self._first_nbytes = 0
        self._startup_seconds = self.wait_seconds = self.step_seconds = 0.0
        self._asked = self._depth_sum = 0
        self._depth: int | None = None  # since the latest batch
        self._handover_seconds = 0.0
        self._spent: dict[str, list[Any]] = {}  # seconds, samples, bytes
        self.skipped = self.substituted = self.restarts = 0

    def waited(self, began: float, ended: float) -> None:
        """The consumer asked for a batch at `began` and got it at `ended`, in seconds of `time.perf_counter`."""
        number = self.batches
        self.batches = number + 1
        if number == 0:
            self._startup_seconds = ended - began
            self._spent.clear()  # it was spent on starting up
        else:
            step, wait = max(0.0, began - self._last_ended), ended - began
            self.step_seconds += step
            self.wait_seconds += wait
            place = (number - 1) % _RECENT
            self._steps[place] = step
            self._waits[place] = wait
            if self._depth:
                self._handover_seconds += wait
        self._depth = None
        self._last_ended = ended

    def delivered(self, samples: int, nbytes: int = 0) -> None:
        """The batch of the latest `waited` has so many samples, and its tensors so many bytes."""
        self.samples += samples
        self._nbytes += nbytes
        if self.batches <= 1:
            self._first_samples, self._first_nbytes = self.samples, self._nbytes

    def queue(self, depth: int) -> None:
        """So many batches were finished when the consumer asked for one."""
        if self._depth is None:  # else batches are taken ahead of the consumer
            self._depth = depth
        self._asked += 1
        self._depth_sum += depth

    def spent(self, stage: str, seconds: float, samples: int = 0, nbytes: int = 0) -> None:
        """The consumer's thread was in a stage of the loader's own, as a part of its waiting."""
        spent = self._spent.get(stage)
        if spent is None:
            spent = self._spent[stage] = [0.0, 0, 0]
        spent[0] += seconds
        spent[1] += samples
        spent[2] += nbytes

    def close(self) -> None:
        """The pass is over, or the workers are about to end: their counters are read for the last time. Idempotent."""
        if self._final is None:
            self._final = self._counters()

    def stats(self) -> Stats:
        """The numbers so far."""
        counters = (self._final or self._counters()).since(self._before)
        kept = max(0, self.batches - 1)
        places = [number % _RECENT for number in range(max(0, kept - _RECENT), kept)]
        return Stats(
            setup=self.setup,
            running=self._final is None,
            batches=self.batches,
            samples=self.samples,
            nbytes=self._nbytes,
            startup_seconds=self._startup_seconds,
            elapsed_seconds=self.step_seconds + self.wait_seconds,
            wait_seconds=self.wait_seconds,
            handover_seconds=self._handover_seconds,
            timed_samples=self.samples - self._first_samples,
            timed_nbytes=self._nbytes - self._first_nbytes,
            recent_steps=tuple(self._steps[place] for place in places),
            recent_waits=tuple(self._waits[place] for place in places),
            queue_depth=self._depth_sum / self._asked if self._asked else None,
            idle_seconds=counters.idle_seconds,
            stages=counters.stages,
            consumer_stages={name: StageCounters(*spent) for name, spent in list(self._spent.items())},
            skipped=self.skipped,
            substituted=self.substituted,
            restarts=self.restarts,
        )

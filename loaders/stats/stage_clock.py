"""Times the stages of work that one thread does, one after the other."""

from __future__ import annotations

from time import perf_counter

from .stats import Counters, StageCounters

__all__ = ["StageClock"]

_NOTHING = ""


class StageClock:
    """What the caller's thread spends on making batches, by stage. A `StagePlace` for `Fetcher`.

    A stage lasts until the next one begins or the batch is finished. Every sample is counted in every stage.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._samples = 0
        self._stage = _NOTHING
        self._since = 0.0

    def at(self, stage: str, _sample: int = -1) -> None:
        """`stage` begins."""
        now = perf_counter()
        if self._stage:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def finished(self, samples: int) -> None:
        """A batch of so many samples is made, or has failed (0 samples)."""
        self.at(_NOTHING)
        self._samples += samples

    def counters(self) -> Counters:
        """What was done so far."""
        return Counters(
            {stage: StageCounters(seconds, self._samples) for stage, seconds in list(self._seconds.items())}
        )

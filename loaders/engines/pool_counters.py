"""The counters of Penstock's own workers, in the words of `Stats`."""

from __future__ import annotations

import weakref
from collections import defaultdict

from ..pool import WorkerPool
from ..stats.stats import Counters, StageCounters

__all__ = ["PoolCounters"]

_IDLE = "idle"
_BEFORE_ALL = ("starting", "start")
_STAGE = {"run": "sample"}
"""What belongs to another stage: the time from getting a task to the first sample."""


class PoolCounters:
    """What a pool's workers have done so far; what was known last once the pool has ended.

    It does not keep the pool alive.

    Args:
        pool: which.
        samples_per_task: where tasks don't name their samples.
    """

    def __init__(self, pool: WorkerPool, samples_per_task: int = 0) -> None:
        self._pool = weakref.ref(pool)
        self._samples_per_task = samples_per_task
        self._latest = Counters()

    def __call__(self) -> Counters:
        pool = self._pool()
        if pool is not None and pool.usable:
            self._latest = self._asked(pool)
        return self._latest

    def _asked(self, pool: WorkerPool) -> Counters:
        seconds: defaultdict[str, float] = defaultdict(float)
        samples = nbytes = errors = 0
        for worker in pool.counters():
            samples += worker.samples or worker.tasks * self._samples_per_task
            nbytes += worker.bytes
            errors += worker.errors
            for stage, spent in worker.seconds.items():
                seconds[_STAGE.get(stage, stage)] += spent
        idle = seconds.pop(_IDLE, 0.0)
        stages = {
            stage: StageCounters(spent, samples, nbytes if stage == "send" else 0, errors if stage == "sample" else 0)
            for stage, spent in sorted(seconds.items(), key=lambda item: _rank(item[0]))
            if stage not in _BEFORE_ALL
        }
        return Counters(stages, idle)


def _rank(stage: str) -> int:
    """Stages in the order in which a batch goes through them."""
    known = ("sample", "collate", "send")
    return known.index(stage) if stage in known else len(known)

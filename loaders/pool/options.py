"""How a pool works: kind and number of workers, and what happens when one dies or hangs."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Literal

from ...errors import OptionError

__all__ = ["PoolOptions"]


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Options of a `WorkerPool`.

    Attributes:
        kind: processes or threads.
        workers: how many, at least one.
        context: multiprocessing context of processes; None: torch.multiprocessing's default start method.
        restart: whether a worker process that dies is replaced and its tasks done again, or an error is raised.
        max_restarts: how many deaths the pool survives in its whole life.
        watchdog: seconds at one sample and stage after which a worker counts as hanging; 0: no watchdog.
        seed: given to `Job.start`.
    """

    kind: Literal["processes", "threads"] = "processes"
    workers: int = 1
    context: BaseContext | None = None
    restart: bool = False
    max_restarts: int = 10
    watchdog: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("processes", "threads"):
            raise OptionError(f"a pool's workers are 'processes' or 'threads', not {self.kind!r}")
        if self.workers < 1:
            raise OptionError(f"a pool needs at least one worker, not {self.workers}; without workers, use no pool")
        if self.max_restarts < 0:
            raise OptionError(f"max_restarts={self.max_restarts} must not be negative; 0: no death is survived")
        if self.watchdog < 0:
            raise OptionError(f"watchdog={self.watchdog} must not be negative; it is in seconds, and 0 means none")

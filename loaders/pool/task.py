"""What the pool is given to do: tasks, the job that does them, and the place where it says how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Job", "Place", "Task", "describe"]


@dataclass(frozen=True, slots=True)
class Task:
    """One result to be made.

    Attributes:
        number: by which `WorkerPool.receive` asks for it; no two unfinished tasks have the same.
        payload: what the job gets. With processes it is pickled.
        samples: indices of its samples, for messages and counters only.
        worker: the worker that has to do it, for jobs that have state; None: one with the fewest unfinished tasks.
    """

    number: int
    payload: Any
    samples: tuple[int, ...] = ()
    worker: int | None = None


class Place(Protocol):
    """Where a worker says what it is doing, so that it is known after its death and when it hangs."""

    def at(self, stage: str, sample: int = -1) -> None:
        """Notes that `stage` begins, with the sample that it is for (-1: none). Takes under a microsecond."""


class Job(Protocol):
    """What workers do. Each worker has a copy of its own: pickled (not with fork), or by `copy.copy` for threads.

    A job may also have `describe(sample) -> str`, which says in the parent what a sample is (a file ...), for messages.
    """

    def start(self, worker: int, workers: int, seed: int) -> None:
        """Called once in each worker, `worker` of `workers`, before its first task, with `PoolOptions.seed`."""

    def run(self, payload: Any, place: Place) -> Any:
        """Makes one result. What it raises is raised by `WorkerPool.receive`."""


def describe(job: Job, sample: int) -> str:
    """The job's words for a sample; nothing if it has none."""
    words = getattr(job, "describe", None)
    if words is None or sample < 0:
        return ""
    try:
        return str(words(sample))
    except Exception as error:  # the dataset's code, and this is only for a message
        return f"describe() raised {type(error).__name__}"

"""The pool: gives tasks to workers, and their results to the consumer, whatever happens to a worker meanwhile."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

from ...errors import EngineClosedError, WorkerDeathError
from .board import Counters
from .crew import Crew
from .death import Death, place_in_words
from .interrupts import as_finalizer, interrupts_later
from .options import PoolOptions
from .process_crew import ProcessCrew
from .task import Job, Task, describe
from .thread_crew import ThreadCrew
from .watchdog import Hang, Watchdog

__all__ = ["Result", "WorkerPool"]

_log = logging.getLogger("penstock.loaders")

_LONGEST_WAIT = 1.0
"""Seconds after which Ctrl-C is heard though the system gave it to another thread, which wakes nobody."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a task.

    Attributes:
        task: the task.
        worker: number of the worker that did it.
        value: what the job returned. Tensors and arrays are the receiver's own, and writable; None if it failed.
        error: what the job raised; None if it did not. An error of a process has a `RemoteTraceback` as its cause.
    """

    task: Task
    worker: int
    value: Any = None
    error: BaseException | None = None

    @property
    def number(self) -> int:
        return self.task.number


@dataclass(slots=True)
class _Assignment:
    task: Task
    worker: int
    open: Callable[[], Any] | None = None  # once it is finished


class WorkerPool:
    """Workers that make the results of tasks.

    Tasks are started in the order in which they were submitted, and their results can be asked for in any order. All
    methods may be called from any thread of the process that made the pool; in a forked child it can't be used, and
    does no harm. It ends with `close`, with its last reference, and at exit.

    A worker process that dies is noticed in `receive`, `take` and `ready`. With `PoolOptions.restart` a new one takes
    its place and does its unfinished tasks (in their order), each result is delivered once, and a warning is logged
    ("penstock.loaders"). Else, and after `max_restarts` deaths, WorkerDeathError is raised.

    Args:
        job: what workers do.
        options: see `PoolOptions`.
    """

    def __init__(self, job: Job, options: PoolOptions) -> None:
        self._options = options
        self._describe = partial(describe, job)
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._deaths: list[Death] = []
        self._failure = ""
        self._serial = 0
        self._last_worker = -1
        self._given: _Assignment | None = None  # received last
        self._unfinished: dict[int, _Assignment] = {}  # by serial number
        self._finished: dict[int, _Assignment] = {}  # in order of arrival
        self._serials: dict[int, int] = {}  # of all that was submitted and not received, by task number
        self._crew: Crew = ProcessCrew(job, options) if options.kind == "processes" else ThreadCrew(job, options)
        self._watchdog = Watchdog(self._crew, self._unfinished, options.watchdog, self._describe)
        self._finalizer = weakref.finalize(self, _close, self._crew, self._watchdog)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def usable(self) -> bool:
        """False after `close`, in a forked child, and once a worker that died was not replaced."""
        return self._finalizer.alive and os.getpid() == self._process and not self._failure

    @property
    def restarts(self) -> int:
        """How many workers have been replaced."""
        return len(self._deaths) - bool(self._failure)

    @property
    def hangs(self) -> list[Hang]:
        """What the watchdog reported so far."""
        return self._watchdog.hangs

    def pids(self) -> list[int]:
        """The workers' processes."""
        return [self._crew.pid(worker) for worker in range(self._options.workers)]

    def counters(self) -> list[Counters]:
        """What each worker did so far."""
        return [self._crew.past(worker) + board.counters() for worker, board in enumerate(self._crew.boards())]

    def submit(self, task: Task) -> None:
        """Gives a task to its worker, or to the one with the fewest unfinished tasks. Never waits.

        Raises:
            EngineClosedError: the pool is closed, or belongs to the parent of this process.
            ValueError: an unreceived task has the same number, or there is no such worker.
            Exception: whatever the pickling of the task raises.
        """
        with self._lock, interrupts_later():
            self._check_usable()
            if task.number in self._serials:
                raise ValueError(f"task {task.number} is under way already; receive it before its number is used again")
            worker = self._next_worker() if task.worker is None else task.worker
            if not 0 <= worker < self._options.workers:
                raise ValueError(f"there is no worker {worker}: the pool has {self._options.workers}")
            serial = self._serial
            self._crew.send(worker, serial, task)
            self._serial += 1
            self._last_worker = worker
            self._given = None
            self._unfinished[serial] = _Assignment(task, worker)
            self._serials[task.number] = serial
        if self._options.watchdog:
            self._watchdog.wake()

    def _next_worker(self) -> int:
        count = self._options.workers
        load = [0] * count
        for assignment in self._unfinished.values():
            load[assignment.worker] += 1
        # In turns where they are equal, as torch's workers.
        return min(range(count), key=lambda worker: (load[worker], (worker - self._last_worker - 1) % count))

    def ready(self, number: int | None = None) -> bool:
        """Whether `receive` of this task (None: of any) would return or raise at once."""
        with self._lock:
            self._check_usable()
            self._collect(0.0)
            return bool(self._failure) or self._found(number) is not None

    def receive(self, number: int | None = None, timeout: float = 0.0) -> Result:
        """Waits for a task; its result.

        The task received last can be received again by its number until the next is submitted or received, so that a
        caller that Ctrl-C kept from taking it loses nothing.

        Args:
            number: of the task; None: whichever is finished first.
            timeout: in seconds; 0: none. The task can be received again after it.

        Raises:
            EngineClosedError: the pool is closed, or belongs to the parent of this process.
            WorkerDeathError: a worker died, and is not replaced.
            RuntimeError: the timeout is over; the message says where each worker is.
            ValueError: no such task is under way.
            BaseException: whatever the job raised.
        """
        result = self.take(number, timeout)
        if result.error is not None:
            try:
                raise result.error
            finally:
                del result  # no cycle with the error's traceback
        return result

    def take(self, number: int | None = None, timeout: float = 0.0) -> Result:
        """As `receive`, but an error of the job is in the result."""
        with self._lock:
            self._check_usable()
            given = self._given
            if given is None or given.task.number != number:
                self._given = None
                given = self._finished[self._await(number, timeout)]
            result = _result(given)
            with interrupts_later():
                self._finished.pop(result.number, None)
                self._serials.pop(result.number, None)
                self._given = given
            return result

    def cancel(self) -> None:
        """Forgets all tasks that were not received. Workers leave out what they have not begun.

        Numbers may be used again at once.
        """
        with self._lock, interrupts_later():
            self._check_usable()
            for board in self._crew.boards():
                board.cancel(self._serial)
            self._unfinished.clear()
            self._finished.clear()
            self._serials.clear()
            self._given = None

    def close(self) -> None:
        """Ends the workers: within about a second, or by force. What was received stays."""
        self._finalizer()

    def _check_usable(self) -> None:
        if os.getpid() != self._process:
            raise EngineClosedError(
                f"this worker pool belongs to process {self._process}, and its workers did not come along when that "
                "forked; call iter(loader) in the new process"
            )
        if not self._finalizer.alive:
            raise EngineClosedError("this worker pool is closed; call iter(loader) for a new pass")

    def _await(self, number: int | None, timeout: float) -> int:
        if number not in self._serials if number is not None else not self._serials:
            raise ValueError(f"{'no task' if number is None else f'task {number}'} is under way; submit it first")
        deadline = time.monotonic() + timeout if timeout else None
        while (found := self._found(number)) is None:
            if self._failure:
                raise WorkerDeathError(self._failure)
            left = _LONGEST_WAIT if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise RuntimeError(self._overdue(number, timeout))
            self._collect(min(left, _LONGEST_WAIT))
            self._check_usable()
        return found

    def _found(self, number: int | None) -> int | None:
        if number is None:
            return next(iter(self._finished), None)
        return number if number in self._finished else None

    def _collect(self, seconds: float) -> None:
        self._crew.wait(seconds)
        with interrupts_later():
            for arrival in self._crew.gather():
                assignment = self._unfinished.pop(arrival.serial, None)
                if assignment is not None:  # not cancelled
                    assignment.open = arrival.open
                    self._finished[assignment.task.number] = assignment
            while self._crew.deaths and not self._failure:
                self._mourn(self._crew.deaths.popleft())

    def _mourn(self, death: Death) -> None:
        self._deaths.append(death)
        if not self._options.restart:
            self._failure = f"DataLoader worker (pid(s) {death.pid}) exited unexpectedly: {death}"
            return
        if len(self._deaths) > self._options.max_restarts:
            every = "\n".join(f"  {d}" for d in self._deaths)
            self._failure = (
                f"DataLoader worker (pid(s) {death.pid}) exited unexpectedly, and max_restarts="
                f"{self._options.max_restarts} is used up. Deaths so far:\n{every}"
            )
            return
        _log.warning(
            "%s; a new one takes its place (restart %d of at most %d)",
            death,
            len(self._deaths),
            self._options.max_restarts,
        )
        try:
            self._crew.replace(death.worker)
        except Exception as error:  # no memory or processes left, or the job can't be pickled any more
            self._failure = (
                f"DataLoader worker (pid(s) {death.pid}) exited unexpectedly, and no new one could be started "
                f"({type(error).__name__}: {error}). How it ended: {death}"
            )
            return
        for serial, assignment in self._unfinished.items():
            if assignment.worker == death.worker:
                self._crew.send(death.worker, serial, assignment.task)

    def _overdue(self, number: int | None, timeout: float) -> str:
        lines = [f"DataLoader timed out after {timeout} seconds"]
        for worker, board in enumerate(self._crew.boards()):
            standing = board.standing()
            where = place_in_words(standing, self._describe(standing.sample))
            lines.append(f"  worker {worker} (pid {self._crew.pid(worker)}) is {where}, for {standing.seconds:.1f} s")
        if number is not None:
            assignment = self._unfinished[self._serials[number]]
            lines[0] += f" waiting for task {number}, which worker {assignment.worker} has"
            lines[0] += f" (samples {_listed(assignment.task.samples)})" if assignment.task.samples else ""
        return "\n".join(lines)


def _result(assignment: _Assignment) -> Result:
    if assignment.open is None:
        raise RuntimeError("a task without a result counts as finished")
    try:
        return Result(assignment.task, assignment.worker, assignment.open())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the job's own
        return Result(assignment.task, assignment.worker, error=error)


def _listed(samples: tuple[int, ...]) -> str:
    shown = ", ".join(str(sample) for sample in samples[:8])
    return shown + (f" ... {samples[-1]}" if len(samples) > 8 else "")


@as_finalizer
def _close(crew: Crew, watchdog: Watchdog) -> None:
    crew.close()
    watchdog.close()

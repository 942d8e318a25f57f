"""Worker processes: jobs go out, results and progress come back.

Processes are spawned, never forked. They don't hear Ctrl-C (the parent does, and ends them), and end when it is gone.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import connection, get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from ...errors import OptionError, PackingError

__all__ = ["Report", "Task", "run_jobs"]

Report: TypeAlias = Callable[[int, int], None]
"""Called with (samples, bytes) that have been dealt with since the last call."""

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")
JobT_contra = TypeVar("JobT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)

_AHEAD = 4
"""How many ordered results per worker may wait for an earlier one."""


class Task(Protocol[JobT_contra, ResultT_co]):
    """What workers do; picklable."""

    def __call__(self, job: JobT_contra, report: Report) -> ResultT_co: ...


def run_jobs(
    task: Task[JobT, ResultT], jobs: Iterable[JobT], *, workers: int, report: Report, ordered: bool = False
) -> Generator[ResultT]:
    """The results of all jobs, as they are finished, or in the order of the jobs.

    Args:
        workers: processes; 0 runs every job in this one.
        report: called in this process.

    Raises:
        PackingError: a worker died. Whatever a job raised; other jobs are given up then.
    """
    if workers < 0:
        raise OptionError(f"workers must be 0 or more, got {workers}")
    if workers == 0:
        for job in jobs:
            yield task(job, report)
        return
    with contextlib.closing(_Pool(task, workers)) as pool:
        yield from pool.ordered(jobs, report) if ordered else (result for _, result in pool.run(jobs, report))


class _Pool:
    def __init__(self, task: Task[Any, Any], workers: int) -> None:
        data = _pickled(task)
        self._processes: dict[Connection, BaseProcess] = {}
        self._busy: dict[Connection, tuple[int, Any]] = {}
        self._finished = False
        resource_tracker.ensure_running()  # started later, it would make spawned processes hear Ctrl-C again
        try:
            for _ in range(workers):
                self._start(data)
        except BaseException:
            self.close()
            raise

    def run(self, jobs: Iterable[Any], report: Report, ready: Callable[[int], bool] = lambda _: True) -> Iterator[Any]:
        """(number, result) of each job, as they are finished; job `number` starts when `ready(number)`."""
        waiting = iter(enumerate(jobs))
        upcoming = next(waiting, None)
        while upcoming is not None or self._busy:
            for idle in self._processes.keys() - self._busy.keys():
                if upcoming is not None and ready(upcoming[0]):
                    self._hand(idle, upcoming)
                    upcoming = next(waiting, None)
            for link in cast("list[Connection]", connection.wait(list(self._busy))):
                kind, *content = self._receive(link)
                if kind == "progress":
                    report(*content)
                elif kind == "done":
                    yield self._busy.pop(link)[0], content[0]
                else:
                    raise content[0] from _RemoteError(content[1])
        self._finished = True

    def ordered(self, jobs: Iterable[Any], report: Report) -> Iterator[Any]:
        """Results in the order of the jobs; few wait for an earlier one."""
        early: dict[int, Any] = {}
        wanted = 0

        def ready(number: int) -> bool:
            return number < wanted + _AHEAD * len(self._processes)

        for number, result in self.run(jobs, report, ready):
            early[number] = result
            while wanted in early:
                yield early.pop(wanted)
                wanted += 1

    def close(self) -> None:
        """Ends the processes: they leave by themselves when all jobs are done, and are terminated otherwise."""
        for link, process in self._processes.items():
            if not self._finished:
                process.terminate()
            link.close()
        for process in self._processes.values():
            process.join()

    def _start(self, task: bytes) -> None:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, task), daemon=True)
        with contextlib.closing(theirs), _uninterrupted():
            process.start()
            self._processes[ours] = process

    def _hand(self, link: Connection, job: tuple[int, Any]) -> None:
        self._busy[link] = job
        try:
            link.send(job[1])
        except OSError:
            raise self._death(link) from None

    def _receive(self, link: Connection) -> tuple[Any, ...]:
        try:
            message: tuple[Any, ...] = link.recv()
        except (EOFError, OSError):
            raise self._death(link) from None
        return message

    def _death(self, link: Connection) -> PackingError:
        process = self._processes[link]
        process.join(5)
        code = process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"left with exit code {code}"
        return PackingError(
            f"worker process {process.pid} {how} at {self._busy[link][1]} (out of memory?); finished shards stay and "
            "the source is untouched: run the same command again to go on, with fewer workers if memory is short"
        )


class _RemoteError(Exception):
    """The traceback of an error in a worker, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C back until the block is over; processes that start in it never hear it at all.

    The mask is for the processes, which inherit it. Here it is not enough: Python raises KeyboardInterrupt in the main
    thread whichever thread has taken the signal.
    """
    heard: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number)) if is_main else None
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if is_main:
            signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
        if heard:
            signal.raise_signal(signal.SIGINT)


def _pickled(task: Task[Any, Any]) -> bytes:
    try:
        return pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise OptionError(
            f"the dataset can't be sent to worker processes ({error}): use workers=0, or leave out what can't be "
            "pickled, such as a lambda among its transforms"
        ) from error


def _serve(link: Connection, pickled: bytes) -> None:
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    def report(samples: int, size: int) -> None:
        link.send(("progress", samples, size))

    task: Task[Any, Any] | None = None
    with contextlib.suppress(EOFError, ConnectionError):  # the parent has closed its end
        while True:
            job = link.recv()
            message: tuple[Any, ...]
            try:
                task = pickle.loads(pickled) if task is None else task
                message = ("done", task(job, report))
            except Exception as error:  # the edge of the process: the parent raises it
                message = ("failed", error, traceback.format_exc())
            link.send(message)


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)

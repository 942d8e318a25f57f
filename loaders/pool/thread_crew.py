"""Worker threads: the same tasks and results without processes, for jobs that release the interpreter lock."""

from __future__ import annotations

import copy
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from .board import Board, Counters
from .crew import Arrival, Crew
from .death import Death
from .execution import Execution
from .options import PoolOptions
from .task import Job, Task

__all__ = ["ThreadCrew"]

_JOIN_SECONDS = 1.0


class ThreadCrew(Crew):
    """Threads with a copy of the job each. They don't die. See `Crew`."""

    def __init__(self, job: Job, options: PoolOptions) -> None:
        self.deaths: deque[Death] = deque()
        self._process = os.getpid()
        self._desks = [_Desk() for _ in range(options.workers)]
        self._arrivals: deque[Arrival] = deque()
        self._arrived = threading.Event()
        self._threads = [
            threading.Thread(
                target=_serve,
                args=(copy.copy(job), options, worker, desk, partial(_deliver, self._arrivals, self._arrived)),
                name=f"penstock-worker-{worker}",
                daemon=True,
            )
            for worker, desk in enumerate(self._desks)
        ]
        for thread in self._threads:
            thread.start()

    def boards(self) -> Sequence[Board]:
        return [desk.board for desk in self._desks]

    def pid(self, worker: int) -> int:  # noqa: ARG002  # all threads are in one process
        return self._process

    def send(self, worker: int, serial: int, task: Task) -> None:
        self._desks[worker].inbox.put((serial, task))

    def wait(self, seconds: float) -> None:
        self._arrived.wait(seconds)

    def gather(self) -> list[Arrival]:
        self._arrived.clear()  # before looking: what comes meanwhile sets it again
        return [self._arrivals.popleft() for _ in range(len(self._arrivals))]

    def replace(self, worker: int) -> None:
        raise RuntimeError(f"worker {worker} is a thread: it can't have died without this process")

    def past(self, worker: int) -> Counters:  # noqa: ARG002  # threads have no predecessors
        return Counters()

    def stacks(self, worker: int) -> str:
        frame = sys._current_frames().get(self._threads[worker].ident or 0)
        return "".join(traceback.format_stack(frame)).rstrip() if frame is not None else "(the thread has ended)"

    def close(self) -> None:
        if os.getpid() != self._process:
            return
        for desk in self._desks:
            desk.board.close()
            desk.inbox.put(None)
        self._arrived.set()
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            if thread is not threading.current_thread():  # the last reference to a pool may die in its own thread
                thread.join(max(0.0, deadline - time.monotonic()))


class _Desk:
    def __init__(self) -> None:
        self.board = Board()
        self.inbox: SimpleQueue[tuple[int, Task] | None] = SimpleQueue()


def _deliver(arrivals: deque[Arrival], arrived: threading.Event, arrival: Arrival) -> None:
    arrivals.append(arrival)
    arrived.set()


def _serve(job: Job, options: PoolOptions, worker: int, desk: _Desk, deliver: partial[None]) -> None:
    board = desk.board
    execution = Execution(job, board, worker, options.workers, options.seed)
    while (letter := desk.inbox.get()) is not None and not board.closing:
        serial, task = letter
        if not board.cancelled(serial):
            answer = _answer(execution, task)
            board.count(len(task.samples), 0, failed=answer.func is _raise)
            deliver(Arrival(serial, answer))
            del answer, letter, task  # not held while it waits
            board.end()


def _answer(execution: Execution, task: Task) -> partial[Any]:
    try:
        return partial(_give, execution.run(task))
    except BaseException as error:  # the user's code; its traceback goes with it
        return partial(_raise, error)


def _give(result: Any) -> Any:
    return result


def _raise(error: BaseException) -> Any:
    raise error

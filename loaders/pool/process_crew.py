"""Worker processes as the parent sees them: one socket and one board each, and nothing that two of them share."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from .arena import Arena
from .board import Board, Counters
from .crew import Arrival, Crew
from .death import Death
from .interrupts import interrupts_later
from .link import ANSWER, REQUEST, Letter
from .options import PoolOptions
from .process_handle import ProcessHandle
from .task import Job, Task, describe
from .transport import Parcel, pack, unpack

__all__ = ["ProcessCrew"]

_JOIN_SECONDS = 1.0
_TERMINATE_SECONDS = 0.5
_KILL_SECONDS = 0.5


class ProcessCrew(Crew):
    """Starts the processes, and starts new ones for those that die. See `Crew`."""

    def __init__(self, job: Job, options: PoolOptions) -> None:
        self.deaths: deque[Death] = deque()
        self._job = job
        self._options = options
        self._process = os.getpid()
        self._past = [Counters() for _ in range(options.workers)]
        self._ready: list[ProcessHandle] = []
        self._closed = False
        self._lock = threading.RLock()  # another thread may close while one gathers
        self._handles: list[ProcessHandle] = []
        try:
            for worker in range(options.workers):
                with interrupts_later():  # hooks that run at a fork (logging's ...) swallow what is raised in them
                    self._handles.append(ProcessHandle(job, options, worker))
        except BaseException:
            self.close()
            raise

    def boards(self) -> Sequence[Board]:
        return [handle.board for handle in self._handles]

    def pid(self, worker: int) -> int:
        return self._handles[worker].pid

    def send(self, worker: int, serial: int, task: Task) -> None:
        arena = Arena()
        arena.begin()
        message, descriptors = pack(task, arena).seal()
        self._handles[worker].send((REQUEST.pack(serial) + message, descriptors))

    def wait(self, seconds: float) -> None:
        poll = select.poll()
        by_descriptor: dict[int, ProcessHandle] = {}
        for handle in self._handles:
            for descriptor, events in handle.awaited():
                poll.register(descriptor, events)
                by_descriptor[descriptor] = handle
        found = poll.poll(max(0, seconds) * 1000)
        self._ready = list({id(by_descriptor[d]): by_descriptor[d] for d, _ in found}.values())

    def gather(self) -> list[Arrival]:
        with self._lock:
            return [] if self._closed else self._gather()

    def _gather(self) -> list[Arrival]:
        arrivals = []
        for handle in [h for h in self._ready if not h.ended]:
            arrivals += [self._arrival(handle, letter) for letter in handle.exchange()]
            if handle.ended:
                # What it sent before its end still counts.
                self.deaths.append(self._death(handle))
        self._ready = []
        return arrivals

    def _arrival(self, handle: ProcessHandle, letter: Letter) -> Arrival:
        message, descriptors = letter
        serial, failed = ANSWER.unpack_from(message)
        try:
            parcel = unpack(message[ANSWER.size :], descriptors, handle.mappings)
        except (OSError, MemoryError) as error:
            return Arrival(serial, partial(_raise, error))
        return Arrival(serial, partial(_raise_remote, parcel) if failed else parcel.open)

    def _death(self, handle: ProcessHandle) -> Death:
        standing = handle.board.standing()
        exit_code = handle.bury()
        sample = describe(self._job, standing.sample)
        return Death(handle.worker, handle.pid, exit_code, standing, sample, handle.board.heard)

    def replace(self, worker: int) -> None:
        dead = self._handles[worker]
        self._past[worker] += dead.board.counters(running=False)
        self._handles[worker] = ProcessHandle(self._job, self._options, worker)

    def past(self, worker: int) -> Counters:
        return self._past[worker]

    def stacks(self, worker: int) -> str:
        return self._handles[worker].stacks()

    def close(self) -> None:
        if os.getpid() != self._process:
            return
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        for handle in self._handles:
            handle.hang_up()
        self._join(_JOIN_SECONDS)
        for handle in self._handles:
            handle.terminate()
        self._join(_TERMINATE_SECONDS)
        for handle in self._handles:
            handle.kill()
        self._join(_KILL_SECONDS)
        for handle in self._handles:
            handle.release()

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for handle in self._handles:
            handle.join(max(0.0, deadline - time.monotonic()))


def _raise(error: Exception) -> Any:
    raise error


def _raise_remote(parcel: Parcel) -> Any:
    raise parcel.open().restore()

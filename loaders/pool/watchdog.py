"""The watchdog: notices workers that do not get on, and says where they are. It never ends them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sized
from dataclasses import dataclass

from .board import IDLE, Standing
from .crew import Crew
from .death import place_in_words

__all__ = ["Hang", "Watchdog"]

_log = logging.getLogger("penstock.loaders")


@dataclass(frozen=True, slots=True)
class Hang:
    """One report of a worker that does not get on.

    Attributes:
        worker: its number.
        pid: its process.
        standing: where it is.
        sample: what that sample is, in words; may be empty.
        seconds: for how long.
        stacks: of its Python threads.
    """

    worker: int
    pid: int
    standing: Standing
    sample: str
    seconds: float
    stacks: str

    def __str__(self) -> str:
        where = place_in_words(self.standing, self.sample)
        return f"worker {self.worker} (pid {self.pid}) has been {where} for {self.seconds:.1f} s\n{self.stacks}"


class Watchdog:
    """Watches while tasks are under way, in a thread that starts with the first.

    A worker that stays at one sample and stage longer than `limit` seconds is reported, and again after twice, four
    times, eight times ... as long: as a warning of the logger "penstock.loaders", and in `hangs`.

    Args:
        crew: whom to watch.
        under_way: empty if nothing is under way.
        limit: in seconds.
        describe: words for a sample.
    """

    def __init__(self, crew: Crew, under_way: Sized, limit: float, describe: Callable[[int], str]) -> None:
        self.hangs: list[Hang] = []
        self._crew = crew
        self._under_way = under_way
        self._limit = limit
        self._process = os.getpid()
        self._describe = describe
        self._busy = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._reported: dict[int, tuple[int, float]] = {}  # worker -> since when it hangs, and when to say so again

    def wake(self) -> None:
        """To be called when a task is under way."""
        self._busy.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="penstock-watchdog", daemon=True)
            self._thread.start()

    def close(self) -> None:
        if os.getpid() != self._process:
            return  # a forked child: the thread is the parent's, and may have held a lock when it was forked
        self._closed.set()
        self._busy.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def _watch(self) -> None:
        while not self._closed.wait(min(max(self._limit / 4, 0.01), 1.0)):
            self._busy.clear()
            if not self._under_way:
                self._busy.wait()
                continue
            for worker, board in enumerate(self._crew.boards()):
                self._look_at(worker, board.standing())

    def _look_at(self, worker: int, standing: Standing) -> None:
        since, again = self._reported.get(worker, (0, 0.0))
        if since != standing.since:
            again = self._limit
        seconds = standing.seconds
        if standing.stage != IDLE and seconds >= again:
            self._reported[worker] = standing.since, 2 * seconds
            sample, stacks = self._describe(standing.sample), self._crew.stacks(worker)
            hang = Hang(worker, self._crew.pid(worker), standing, sample, seconds, stacks)
            self.hangs.append(hang)
            _log.warning("%s", hang)

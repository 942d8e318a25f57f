"""The watchdog of batch engines: notices samples that do not get on, and says which. It never ends them."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback

from ...errors import EngineClosedError
from ...record import RecordSource
from .batch_engine import BatchEngine

__all__ = ["NativeWatchdog"]

_log = logging.getLogger("penstock.loaders")


class NativeWatchdog:
    """Looks at an engine every so often, in a thread that starts at once.

    A sample that takes longer than `limit` is a warning of the logger "penstock.loaders", and again after twice, four
    times, eight times ... as long: its index, where it comes from, the engine's stage and the stacks of Python's
    threads, of which one may be decoding it.

    Args:
        engine: whom to watch.
        source: has words for a sample.
        limit: in seconds.
        name: what messages call the engine.
    """

    def __init__(self, engine: BatchEngine, source: RecordSource, limit: float, name: str = "native") -> None:
        self._engine = engine
        self._name = name
        self._source = source
        self._limit = limit
        self._process = os.getpid()
        self._closed = threading.Event()
        self._next_reports: dict[tuple[int, int], float] = {}  # (ticket, row) -> after how many seconds to say so again
        self._thread = threading.Thread(target=self._watch, name="penstock-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; does nothing in a forked child, which has none, and maybe a lock that it held."""
        if os.getpid() != self._process:
            return
        self._closed.set()
        if self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def _watch(self) -> None:
        while not self._closed.wait(min(max(self._limit / 4, 0.01), 1.0)):
            try:
                self._look()
            except EngineClosedError:
                return

    def _look(self) -> None:
        under_way = self._engine.under_way()
        present = {(ticket, row) for ticket, row, *_ in under_way}
        self._next_reports = {sample: again for sample, again in self._next_reports.items() if sample in present}
        for ticket, row, index, stage, seconds in under_way:
            if seconds >= self._next_reports.get((ticket, row), self._limit):
                self._next_reports[ticket, row] = 2 * seconds
                self._report(index, stage, seconds)

    def _report(self, index: int, stage: str, seconds: float) -> None:
        _log.warning(
            "the %s engine has been at sample %d [%s] stage %r for %.1f s\n%s",
            self._name,
            index,
            self._source.describe(index),
            stage,
            seconds,
            _stacks(),
        )


def _stacks() -> str:
    """The stacks of this process's Python threads, but for the one that asks."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "".join(
        f"thread {ident} ({names.get(ident, 'of the engine')}):\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
        if ident != threading.get_ident()
    ).rstrip()

"""Waiting for what another thread or process does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Returns when the condition is true; fails if that takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.005)


@contextmanager
def a_signal_comes(number: int = signal.SIGINT, *, elsewhere: bool = False) -> Iterator[None]:
    """Sends this process a signal while the block is at work, or where it ends, if it ends before.

    Args:
        number: of the signal.
        elsewhere: another thread takes it, as the system may choose, and not this one.
    """
    here = threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident() if elsewhere else here, number))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def drop_and_wait(held: list[Any]) -> None:
    """Drops what a list holds, and waits for Ctrl-C."""
    held.clear()
    time.sleep(60)


@contextmanager
def done_once(condition: Callable[[], bool], act: Callable[[], object]) -> Iterator[None]:
    """Acts, in a thread, as soon as the condition is true; that must be before the block ends, or soon after."""
    failures: list[BaseException] = []

    def watch() -> None:
        try:
            wait_until(condition)
        except AssertionError as error:
            failures.append(error)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert failures == []


def state_of(pid: int) -> str:
    """The letter by which Linux tells what a process does; empty where there is none with this number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""

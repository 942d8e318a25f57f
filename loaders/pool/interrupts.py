"""Ctrl-C at a moment when nothing can get lost, Ctrl-C itself included."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from types import FrameType
from typing import ParamSpec

__all__ = ["as_finalizer", "interrupts_later"]

_Handler = Callable[[int, FrameType | None], object]
_Parameters = ParamSpec("_Parameters")


@contextmanager
def interrupts_later(then: _Handler | None = None) -> Iterator[None]:
    """Puts off SIGINT's handler until the block ends. The block must be short.

    Args:
        then: called in the handler's place.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.get_ident() != threading.main_thread().ident or not callable(handler):
        yield  # Python runs handlers in the main thread only
        return
    came: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            (then or handler)(signal.SIGINT, came[0])


def as_finalizer(function: Callable[_Parameters, None]) -> Callable[_Parameters, None]:
    """A function for `weakref.finalize` that Ctrl-C does not break off: it is heard when the finalizer has ended.

    What is raised in a finalizer reaches nobody. Ctrl-C would be printed and forgotten, and the rest be left undone.
    """

    @wraps(function)
    def finalizer(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        with interrupts_later(partial(_interrupt_outside, sys._getframe().f_back)):
            function(*args, **kwargs)

    return finalizer


def _interrupt_outside(frame: FrameType | None, number: int, _: FrameType | None) -> None:
    """Sends this thread a signal, once it has left a frame."""
    sender = threading.Thread(target=_send_outside, args=(frame, threading.get_ident(), number), daemon=True)
    with suppress(RuntimeError):  # the interpreter ends, and starts no threads
        sender.start()


def _send_outside(frame: FrameType | None, thread: int, number: int) -> None:
    while frame is not None and frame in _stack(thread):
        time.sleep(0.001)
    signal.pthread_kill(thread, number)


def _stack(thread: int) -> Iterator[FrameType]:
    frame = sys._current_frames().get(thread)
    while frame is not None:
        yield frame
        frame = frame.f_back

"""How torch's worker processes learn that all is done, though any of them may be killed at any moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, Pipe

__all__ = ["DoneFlag", "start_worker"]


class DoneFlag:
    """In the place of the `multiprocessing.Event` that torch's iterators give to their workers.

    That one has a lock, which a process takes even to look at it; if it is killed in that moment, all others wait for
    the lock: the iterator as it is freed, or workers whose parent is gone, without end. Here nothing is locked: the
    flag is a byte in a pipe that nobody reads. To a worker it is also set once its parent has ended: torch then has it
    leave without waiting for its last batches to be taken, which nobody does any more.

    Made by the process that sets it; sent to the workers as they start, by any start method.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._written: Connection | None
        self._read, self._written = Pipe(duplex=False)

    def __getstate__(self) -> tuple[int, Connection]:
        return self._owner, self._read

    def __setstate__(self, state: tuple[int, Connection]) -> None:
        self._owner, self._read = state
        self._written = None  # also tells a copy that was sent from one that was forked

    def set(self) -> None:
        """Sets it, for good. For the process that made it."""
        if self._written is not None and not self._read.poll():
            self._written.send_bytes(b"done")

    def is_set(self) -> bool:
        """Whether it is set."""
        return self.is_orphaned() or self._read.poll()

    def is_orphaned(self) -> bool:
        """Whether this is a worker whose parent has ended."""
        if os.getpid() == self._owner:
            return False
        if self._written is not None:  # forked: siblings hold what would tell `multiprocessing` of the parent's end
            return os.getppid() != self._owner
        parent = parent_process()  # not who forked us, where that is a fork server
        return parent is not None and not parent.is_alive()


def start_worker(done: DoneFlag, init: Callable[[int], None] | None, worker: int) -> None:
    """torch's `worker_init_fn`: leaves if the parent has ended already, as torch, which looks later, would never see.

    Args:
        done: of the iterator whose worker this is.
        init: the user's `worker_init_fn`, called with `worker`.
        worker: the number of this one.
    """
    if done.is_orphaned():
        raise SystemExit(1)
    if init is not None:
        init(worker)

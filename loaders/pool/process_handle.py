"""One worker process as the parent sees it."""

from __future__ import annotations

import multiprocessing.process
import os
import select
import socket
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import torch.multiprocessing

from .board import Board
from .link import Letter, post, received
from .mappings import Mappings
from .memory import Descriptor, create
from .options import PoolOptions
from .process_worker import STACKS_SIGNAL, Equipment, main
from .task import Job

__all__ = ["ProcessHandle"]

_STACKS_SECONDS = 1.0


class ProcessHandle:
    """Starts a worker process and talks with it.

    Attributes:
        worker: its number.
        pid: its process.
        board: its notes.
        mappings: of the segments that its results come in.
        ended: whether it has ended, or closed its socket.
    """

    def __init__(self, job: Job, options: PoolOptions, worker: int) -> None:
        self.worker = worker
        self.board = Board.shared()
        self.mappings = Mappings(self.board.flags)
        self.ended = False
        self._released = False
        self._outbox: deque[Letter] = deque()
        self._end: Descriptor | None = None
        self._stacks = create("penstock-stacks", 0) if options.watchdog else None
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.setblocking(False)
        context = options.context or torch.multiprocessing.get_context()
        equipment = Equipment(theirs, self.board, self._stacks, job, worker, options.workers, options.seed)
        self._process = context.Process(  # type: ignore[attr-defined]  # typeshed has it in subclasses only
            target=main, args=(equipment,), name=f"penstock-worker-{worker}", daemon=True
        )
        _living.add(self)
        try:
            self._process.start()
        except BaseException:
            self._link.close()
            raise
        finally:
            theirs.close()
            self.board.unlink()
        self.pid: int = self._process.pid
        self._end = _watch(self.pid)

    def send(self, letter: Letter) -> None:
        """Sends a letter when there is room for it; one to a worker that has ended is lost with that."""
        if self.ended:
            return
        self._outbox.append(letter)
        self._flush()

    def _flush(self) -> None:
        # It never blocks, since the worker may wait for this process to take its results.
        with suppress(BlockingIOError, ConnectionError):  # the end of the worker is seen elsewhere
            while self._outbox:
                post(self._link, self._outbox[0])
                self._outbox.popleft()

    def awaited(self) -> Iterator[tuple[int, int]]:
        """Descriptors and the events to poll them for."""
        if not self.ended:
            yield self._link.fileno(), select.POLLIN | (select.POLLOUT if self._outbox else 0)
            yield (self._process.sentinel if self._end is None else self._end.number), select.POLLIN

    def exchange(self) -> list[Letter]:
        """Sends what waits, and takes what has come."""
        over = not self.alive
        self._flush()
        letters = []
        with suppress(BlockingIOError):
            while (letter := received(self._link)) is not None:
                letters.append(letter)
            over = True
        self.ended = over
        return letters

    @property
    def alive(self) -> bool:
        if self._end is None:
            return bool(self._process.is_alive())
        poll = select.poll()
        poll.register(self._end.number, select.POLLIN)
        return not poll.poll(0)

    def bury(self) -> int | None:
        """Takes leave of a worker that has ended: its exit code."""
        self.join(0.2)
        self.kill()  # if it only closed its socket
        self.join(1.0)
        code: int | None = self._process.exitcode
        self.release()
        return code

    def stacks(self) -> str:
        """What the worker's threads are doing; words if that can't be had."""
        if self._stacks is None or not self.board.is_ready or self.ended:
            return "(no stacks: the process is starting, or has ended)"
        number = self._stacks.number
        os.ftruncate(number, 0)
        os.lseek(number, 0, os.SEEK_SET)
        with suppress(ProcessLookupError):
            os.kill(self.pid, STACKS_SIGNAL)
        size, deadline = 0, time.monotonic() + _STACKS_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.02)
            before, size = size, os.fstat(number).st_size
            if size and size == before:
                break
        text = os.pread(number, size, 0).decode(errors="replace").rstrip()
        return text or "(no stacks came: the process is stopped, or blocks signals)"

    def hang_up(self) -> None:
        """Tells the worker to end; also wakes it if it waits for a task or for room in the socket."""
        self.board.close()
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)

    def join(self, seconds: float) -> None:
        if not self._released:
            self._process.join(seconds)

    def terminate(self) -> None:
        if not self._released and self._process.is_alive():
            self._process.terminate()

    def kill(self) -> None:
        if not self._released and self._process.is_alive():
            self._process.kill()

    def release(self) -> None:
        """Closes what is open. What the worker sent stays."""
        if self._released:
            return
        self._released = True
        self.abandon()
        self.mappings.close()
        if self._stacks is not None:
            self._stacks.close()
        with suppress(ValueError):  # not even SIGKILL ended it, so far
            self._process.close()

    def abandon(self) -> None:
        """Closes this process's end of what leads to the worker, without a word: in a forked child it means nothing."""
        self.ended = True
        self._outbox.clear()
        self._link.close()
        if self._end is not None:
            self._end.close()


def _watch(pid: int) -> Descriptor | None:
    """A descriptor that is readable when the process has ended, whoever else has a copy of its pipes."""
    try:
        return Descriptor(os.pidfd_open(pid))
    except OSError:  # Linux before 5.3, or a sandbox
        return None


_living: weakref.WeakSet[ProcessHandle] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # A child that kept these would keep the workers from seeing that their parent is gone.
    for handle in tuple(_living):
        handle.abandon()
        # Else multiprocessing, when the child exits, ends the parent's workers, and fails to join them.
        multiprocessing.process._children.discard(handle._process)  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_after_fork_in_child)

"""A worker process from inside: takes tasks from its socket, and answers each with a result or an error."""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from .arena import Arena
from .board import Board
from .execution import Execution
from .link import ANSWER, REQUEST, Letter, post, received
from .mappings import Mappings
from .memory import Descriptor
from .remote_error import RemoteError
from .task import Job, Task
from .transport import pack, unpack

__all__ = ["STACKS_SIGNAL", "Equipment", "main"]

STACKS_SIGNAL = signal.SIGRTMIN + 9
"""On it, a worker writes the stacks of its threads. Few programs use real-time signals."""

_GRACE_SECONDS = 1.2


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker process is given, by inheritance or through a pickle.

    Attributes:
        link: its end of the socket to the parent.
        board: where it notes what it does.
        stacks: the file that it writes its stacks to when asked; None: it is never asked.
        job: what it does.
        worker: its number, of `workers`.
        seed: for the job.
    """

    link: socket.socket
    board: Board
    stacks: Descriptor | None
    job: Job
    worker: int
    workers: int
    seed: int


def main(equipment: Equipment) -> None:
    """Runs until the parent closes its end of the socket, or dies.

    Raises:
        SystemExit: the job has raised that or a KeyboardInterrupt; the board has its name.
    """
    try:
        _work(equipment)
    except (SystemExit, KeyboardInterrupt) as end:
        equipment.board.last_words(repr(end))
        # The parent tells of it: multiprocessing must not print a traceback, nor the words given to sys.exit.
        raise SystemExit(_exit_code(end)) from None


def _exit_code(end: SystemExit | KeyboardInterrupt) -> int:
    """What a Python process of its own would exit with."""
    if isinstance(end, KeyboardInterrupt):
        return 1
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def _work(equipment: Equipment) -> None:
    _settle(equipment.stacks)
    equipment.board.ready()
    equipment.board.unlink()
    link = equipment.link
    threading.Thread(target=_leave_with_parent, args=(link,), name="penstock-parent", daemon=True).start()
    arena = Arena(equipment.board.flags)
    _make_batches_in(arena)
    execution = Execution(equipment.job, equipment.board, equipment.worker, equipment.workers, equipment.seed)
    with suppress(ConnectionError):  # the parent is gone, or done
        _Desk(equipment, arena, execution).serve()
    link.close()


def _settle(stacks: Descriptor | None) -> None:
    """Ctrl-C is the parent's business; handlers that a fork copied are not this process's either.

    Nor are the parent's objects its garbage: looking through them would write to, and so copy, the memory of each.
    """
    gc.freeze()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if stacks is not None:
        faulthandler.register(STACKS_SIGNAL, file=stacks.number, all_threads=True)
    torch.set_num_threads(1)


def _leave_with_parent(link: socket.socket) -> None:
    """Ends the process soon after the other end of its socket is closed, also in the middle of a sample."""
    poll = select.poll()
    poll.register(link, 0)  # reports a hang-up only
    poll.poll()
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _make_batches_in(arena: Arena) -> None:
    """Makes torch's collating, which asks for shared memory in workers, write to the segments that results travel in.

    Neither /dev/shm is used then, nor is a batch copied.
    """

    def new_shared(size: int, *, device: Any = "cpu") -> torch.UntypedStorage:
        storage = arena.allocate(size) if torch.device(device).type == "cpu" else None
        if storage is None:
            return torch.UntypedStorage(size, device=device)  # type: ignore[no-untyped-call]
        return storage

    torch.UntypedStorage._new_shared = staticmethod(new_shared)  # type: ignore[method-assign]


class _Desk:
    """Answers letters."""

    def __init__(self, equipment: Equipment, arena: Arena, execution: Execution) -> None:
        self._link = equipment.link
        self._board = equipment.board
        self._worker = equipment.worker
        self._arena = arena
        self._execution = execution
        self._mappings = Mappings()

    def serve(self) -> None:
        last = -1
        while (letter := received(self._link)) is not None and not self._board.closing:
            (serial,) = REQUEST.unpack_from(letter[0])
            if serial > last and not self._board.cancelled(serial):
                last = serial
                self._answer(serial, letter)

    def _answer(self, serial: int, letter: Letter) -> None:
        samples, failure = 0, None
        self._arena.begin()
        try:
            task = self._task(letter)
            samples = len(task.samples)
            # Without a name for the result: what is still referred to when it is sent has to be copied.
            packed = pack(self._execution.run(task), self._arena)
        except Exception as error:  # the user's code
            failure = RemoteError.of(error, self._worker)
        if failure is not None:
            self._arena.abandon()
            self._arena.begin()
            packed = pack(failure, self._arena)
        self._board.at("send")
        message, descriptors = packed.seal()
        self._board.count(samples, packed.nbytes, failed=failure is not None)
        post(self._link, (ANSWER.pack(serial, failure is not None) + message, descriptors))
        self._board.end()

    def _task(self, letter: Letter) -> Task:
        message, descriptors = letter
        task: Task = unpack(message[REQUEST.size :], descriptors, self._mappings).open()
        return task

"""Processes that are forked from this one, killed, and watched until the last of those they started is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import util
from pathlib import Path

__all__ = ["Group", "Groups", "HungError", "adopt_orphans", "start"]

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <sys/prctl.h>
_CHECK_S = 0.05


class HungError(Exception):
    """A process did nothing for too long."""


def adopt_orphans() -> None:
    """Makes this process the parent of processes whose own parent dies, so that it can wait for them."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def start(work: Callable[[int], None], errors: Path, idle: Callable[[], object] = int) -> Group:
    """Forks a process that does `work(pulse)` in a group of its own, and ends as Python's own children do.

    `idle` is called again and again while it is waited for.

    Raises:
        RuntimeError: this process has other threads, which a fork leaves behind with whatever locks they hold.
    """
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("a process with threads can't be forked safely; keep threads out of the fork server")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        with contextlib.suppress(PermissionError, ProcessLookupError):  # it did so itself, or is gone
            os.setpgid(pid, pid)
        return Group(pid, reading, os.pidfd_open(pid), idle)
    code = 1
    try:
        os.setpgid(0, 0)
        os.close(reading)
        descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, 2)
        sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115  # as long as the process
        work(writing)
        util._exit_function()  # type: ignore[attr-defined]
        code = 0
    except BaseException:  # the edge of a process
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


@dataclass(slots=True)
class Group:
    """A process, its pulse, and what it started.

    Attributes:
        pid: of the process, and the number of its group.
        pulse: a pipe that it writes to.
        end: a descriptor that is readable once the process has ended.
        idle: called while waiting.
        beats: how many bytes have come.
        status: how it ended; None before that.
        ended_s: when (`time.monotonic`).
    """

    pid: int
    pulse: int
    end: int
    idle: Callable[[], object]
    beats: int = 0
    status: int | None = None
    ended_s: float = 0.0

    def wait(self, beats: int, timeout_s: float) -> bool:
        """Waits for so many bytes: whether they came before the process ended.

        Raises:
            HungError: neither happened in time.
        """
        deadline = time.monotonic() + timeout_s
        while self.beats < beats:
            if self.over():
                return False
            self._listen()
            if time.monotonic() > deadline:
                raise HungError(f"after {self.beats - 1} batches, nothing came for {timeout_s:g} s")
        return True

    def join(self, timeout_s: float) -> None:
        """Waits for the process's end.

        Raises:
            HungError: that takes too long.
        """
        deadline = time.monotonic() + timeout_s
        while not self.over():
            self._listen()
            if time.monotonic() > deadline:
                raise HungError(f"it did not come to its end within {timeout_s:g} s")

    def _listen(self) -> None:
        self.idle()
        ready = select.select([self.pulse, self.end], [], [], _CHECK_S)[0]
        if self.pulse in ready:
            self.beats += len(os.read(self.pulse, 4096))

    def over(self) -> bool:
        """Whether the process has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status, self.ended_s = status, time.monotonic()
                os.close(self.pulse)
                os.close(self.end)
        return self.status is not None

    def kill(self) -> None:
        """Kills the process, and nobody else."""
        if not self.over():
            os.kill(self.pid, signal.SIGKILL)

    def workers(self) -> list[int]:
        """Its children."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            return []


class Groups:
    """Groups whose first process has ended, until the others have ended too.

    Attributes:
        took_s: how long that took, by kind.
    """

    def __init__(self) -> None:
        self._checked_s = 0.0
        self._late: list[str] = []
        self.took_s: dict[str, list[float]] = {}
        self._left: list[tuple[Group, str, float]] = []

    def add(self, group: Group, kind: str, limit_s: float) -> None:
        """A group that must be gone so long after its first process."""
        self._left.append((group, kind, limit_s))

    def check(self) -> None:
        """Looks at those that are left, if that is not just done; kills those that are late."""
        now_s = time.monotonic()
        if now_s - self._checked_s < _CHECK_S:
            return
        self._checked_s = now_s
        for group, kind, limit_s in tuple(self._left):
            took_s = now_s - group.ended_s
            if _reaped(group.pid):
                self.took_s.setdefault(kind, []).append(took_s)
            elif took_s > limit_s:
                os.killpg(group.pid, signal.SIGKILL)
                self._late.append(f"{kind} (group {group.pid})")
            else:
                continue
            self._left.remove((group, kind, limit_s))

    def late(self) -> list[str]:
        """Those that were late since this was asked last."""
        late, self._late = self._late, []
        return late

    def finish(self) -> None:
        """Waits for all that is left."""
        while self._left:
            self.check()
            time.sleep(_CHECK_S)


def _reaped(number: int) -> bool:
    """Takes leave of those of a group that have ended: whether none is left."""
    try:
        while os.waitpid(-number, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False

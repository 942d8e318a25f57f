"""Contestants as processes that live through a whole run, each stopped (SIGSTOP) while it is not its turn."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from .contestants import Contestant
from .environment import ROOT, child_environment

__all__ = ["ContestantError", "Session", "command_of", "end_on_signals", "keep_to", "prepare"]

START_SECONDS = 180
TURN_SECONDS = 120
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class ContestantError(Exception):
    """A contestant could not be measured; the message says why."""


def command_of(contestant: Contestant, python: Path, action: str, folder: Path, target: Path) -> list[str]:
    """The command line of an adapter."""
    command = [str(python), "-m", f"benchmarks.peers.{contestant.module}", action, str(folder), str(target)]
    return [*command, "--variant", contestant.variant, "--threads", str(contestant.threads)]


def variables(own: bool, threads: int) -> dict[str, str]:
    """Environment variables; a peer sees the repository, but none of this interpreter's packages."""
    base = child_environment() if own else {**os.environ, "PYTHONPATH": str(ROOT)}
    return base | dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}


def keep_to(cores: int) -> None:
    """Keeps this process and its children on so many of the cores that it may use; the last ones."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def end_on_signals() -> None:
    """Lets SIGTERM and SIGHUP unwind this process like an exception, so that nobody is left behind, stopped."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)


class Session:
    """A running contestant: a session of its own, so that its worker processes stop, go on and end with it.

    Attributes:
        hello: what it said about itself.
    """

    def __init__(self, command: Sequence[str], *, threads: int, own: bool) -> None:
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115  # lives as long as the session
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=variables(own, threads),
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=lambda: keep_to(threads),  # noqa: PLW1509  # this process has no threads
        )
        try:
            self.hello = self._answer(START_SECONDS)
        except BaseException:  # also Ctrl-C: who was started must end
            self.close()
            raise
        self._signal(signal.SIGSTOP)

    def turn(self, seconds: float) -> dict[str, float]:
        """Lets it run for one turn."""
        if self._process.stdin is None:
            raise ContestantError("it has no standard input")
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(f"{seconds}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ContestantError(self._last_words()) from error
        answer: dict[str, float] = self._answer(TURN_SECONDS)
        self._signal(signal.SIGSTOP)
        return answer

    def close(self) -> None:
        """Ends it and all that it started."""
        self._signal(signal.SIGKILL)
        self._process.communicate()
        self._errors.close()

    def _answer(self, timeout_seconds: float) -> Any:
        if self._process.stdout is None:
            raise ContestantError("it has no standard output")
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_seconds)
        if not ready:
            raise ContestantError(f"no answer within {timeout_seconds:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise ContestantError(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        self._errors.seek(0)
        said = [line.strip() for line in self._errors if line.strip()]
        return said[-1] if said else "it ended without a word"

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def prepare(contestant: Contestant, python: Path, folder: Path, target: Path) -> None:
    """Lets an adapter write its form of the folder."""
    done = subprocess.run(
        command_of(contestant, python, "prepare", folder, target),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=variables(python == Path(sys.executable), 1),
        cwd=ROOT,
    )
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ContestantError(said[-1] if said else f"preparing ended with status {done.returncode}")

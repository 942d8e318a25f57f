"""Child processes of tests, each in a session of its own; none outlives its test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import penstock

_SOURCES = Path(penstock.__file__).parent.parent
_TESTS = Path(__file__).parent.parent

_running: list[subprocess.Popen[str]] = []


def start_python(*arguments: object, first: Sequence[Path] = (), shell: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Starts this Python with penstock and tests/ on its path, as a terminal would: Ctrl-C goes to `os.killpg(pid)`.

    Args:
        arguments: of Python, made strings.
        first: what stands before all else on its path.
        shell: the words of a command that executes the words behind it.
    """
    paths = os.pathsep.join(map(str, (*first, _SOURCES, _TESTS)))
    run = subprocess.Popen(
        [*shell, sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        start_new_session=True,
    )
    _running.append(run)
    return run


def end_all() -> None:
    """Kills what tests have started and not seen end, with its own children, and closes its pipes."""
    while _running:
        run = _running.pop()
        if run.returncode is None:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
        with run:
            pass

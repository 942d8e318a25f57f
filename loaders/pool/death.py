"""How a worker process ended, in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from .board import IDLE, STARTING, Standing

__all__ = ["Death", "place_in_words"]

_LIKELY = {
    signal.SIGKILL: "often the kernel's out-of-memory killer (`dmesg` tells): use fewer workers, smaller batches or a "
    "smaller prefetch_factor",
    signal.SIGBUS: "often shared memory (/dev/shm, where it is used) or a memory-mapped file that got shorter",
    signal.SIGSEGV: "native code that the dataset or a transform calls read memory that is not its own",
    signal.SIGABRT: "native code that the dataset or a transform calls gave up",
    signal.SIGILL: "native code was built for another processor",
    signal.SIGTERM: "something asked it to end",
}


@dataclass(frozen=True, slots=True)
class Death:
    """One worker's unexpected end.

    Attributes:
        worker: its number.
        pid: its process.
        exit_code: as `multiprocessing.Process.exitcode` has it (negative: a signal); None: not known.
        standing: where it was.
        sample: what that sample is, in words.
        raised: the exception that ended it, in words; empty where there was none.
    """

    worker: int
    pid: int
    exit_code: int | None
    standing: Standing
    sample: str
    raised: str = ""

    def __str__(self) -> str:
        return f"worker {self.worker} (pid {self.pid}) {self._how()}, {place_in_words(self.standing, self.sample)}"

    def _how(self) -> str:
        code = self.exit_code
        if code is None:
            return "ended in a way that is not known"
        if code >= 0:
            cause = f"was ended by {self.raised}, raised in the dataset or in what it calls: it " if self.raised else ""
            return f"{cause}exited with code {code}"
        try:
            number = signal.Signals(-code)
        except ValueError:
            return f"was killed by signal {-code}"
        likely = _LIKELY.get(number)
        return f"was killed by {number.name}" + (f" ({likely})" if likely else "")


def place_in_words(standing: Standing, sample: str) -> str:
    """Where a worker is, as part of a sentence. `sample`: `Job.describe`'s words, or nothing."""
    if standing.stage == IDLE:
        return "waiting for a task"
    if standing.stage == STARTING:
        return "while its process started"
    task = f" of task {standing.number}" if standing.number >= 0 else ""
    which = f" sample {standing.sample}" if standing.sample >= 0 else ""
    which += f" [{sample}]" if which and sample else ""
    return f"at{which} stage {standing.stage!r}{task}"

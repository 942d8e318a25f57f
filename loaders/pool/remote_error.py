"""Errors of worker processes, raised in the parent with the traceback of the worker as their cause."""

from __future__ import annotations

import os
import pickle
import traceback
from dataclasses import dataclass

__all__ = ["RemoteError", "RemoteTraceback"]


class RemoteTraceback(Exception):  # noqa: N818  # it is a traceback, as concurrent.futures' class of this name
    """The `__cause__` of an error that was raised in a worker process: its traceback there, as text.

    Attributes:
        text: the traceback.
        worker: number of the worker.
        pid: its process.
    """

    def __init__(self, text: str, worker: int, pid: int) -> None:
        super().__init__(text, worker, pid)
        self.text = text
        self.worker = worker
        self.pid = pid

    def __str__(self) -> str:
        return f"in worker {self.worker} (process {self.pid}):\n\n{self.text}"


@dataclass(frozen=True, slots=True)
class RemoteError:
    """An error on its way to the parent."""

    pickled: bytes | None
    kind: str
    message: str
    text: str
    worker: int
    pid: int

    @classmethod
    def of(cls, error: Exception, worker: int) -> RemoteError:
        """To be called in the worker."""
        try:
            pickled = pickle.dumps(error)
        except Exception:  # its pickling is the user's code
            pickled = None
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        text = "".join(traceback.format_exception(error)).rstrip()
        return cls(pickled, name, _message(error), text, worker, os.getpid())

    def restore(self) -> Exception:
        """The same error, with its attributes; a RuntimeError that names it if it can't be pickled."""
        error = self._unpickled()
        if error is None:
            error = RuntimeError(
                f"{self.kind}: {self.message} (raised in a worker; it can't be pickled, so this stands for it)"
            )
        error.__cause__ = RemoteTraceback(self.text, self.worker, self.pid)
        return error

    def _unpickled(self) -> Exception | None:
        if self.pickled is None:
            return None
        try:
            error = pickle.loads(self.pickled)
        except Exception:  # its unpickling is the user's code; many errors can't be made from their args
            return None
        return error if isinstance(error, Exception) else None


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # the user's code
        return "(its message can't be had)"

"""The trainer's command: parse, train, turn errors into one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ..errors import OptionError, PenstockError
from .arguments import parse_arguments
from .options import Options
from .trainer import LAST, train

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 trained, 1 failed, 2 misused, 130 interrupted."""
    try:
        options = parse_arguments(arguments)
    except (PenstockError, OSError) as error:
        return complain(explain(error), status=2 if isinstance(error, OptionError) else 1)
    try:
        train(options, report=report)
    except (PenstockError, torch.OutOfMemoryError, OSError) as error:
        return complain(explain(error), status=2 if isinstance(error, OptionError) else 1)
    except KeyboardInterrupt:
        return complain(interruption(options), status=130)
    return 0


def report(line: str) -> None:
    """A line on standard output, at once also where that is a file."""
    print(line, flush=True)


def explain(error: Exception) -> str:
    """What went wrong and what to do about it."""
    if isinstance(error, torch.OutOfMemoryError):
        reason = str(error).partition(". ")[0]
        return f"the device has too little memory ({reason}); lower --batch-size or --image-size"
    return str(error)


def complain(message: str, *, status: int) -> int:
    """One line on standard error; processes other than the first one say which they are."""
    rank = os.environ.get("RANK", "0")
    kind = "interrupted" if status == 130 else "error"
    place = "" if rank == "0" else f" (process {rank})"
    print(f"{kind}{place}: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return status


def interruption(options: Options) -> str:
    """What an interrupted run leaves behind."""
    last = Path(options.out) / LAST
    if last.exists():
        return f"the last finished epoch is in {last}; the same command with --resume goes on from there"
    return "no epoch was finished, nothing was saved"

"""How a contestant is measured. Standard library only: it runs in the environments of all contestants.

`python -m benchmarks.peers.NAME prepare FOLDER TARGET --variant V` writes a contestant's own form of an image folder.

`python -m benchmarks.peers.NAME run FOLDER TARGET --variant V --threads N` builds the loader, takes one batch and says,
as a line of JSON, what it looks like. Then each line "SECONDS" on its standard input is a turn: some batches that don't
count, so that queues that filled up between turns are empty; then batches for at least so many seconds; then a line of
JSON with how many images came in how many seconds, and the processor time that the whole session took for them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = [
    "BATCH_SIZE",
    "EPOCH_IMAGES",
    "MEAN",
    "RATIO",
    "SCALE",
    "SIZE_PX",
    "STD",
    "Adapter",
    "Task",
    "Turn",
    "command_line",
    "images_of",
    "main",
    "serve",
    "session_cpu_seconds",
    "wrapped",
]

BATCH_SIZE = 64
SIZE_PX = 224
SCALE = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
EPOCH_IMAGES = 2_000_000
"""An epoch of a loader that may name an image repeatedly: longer than any run."""

Turn = Callable[[float], dict[str, float]]
"""Takes "at least so many seconds", gives {"images", "seconds", "cpu_seconds"}."""

WARM_UP_BATCHES = 8
WARM_UP_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Task:
    """What an adapter builds its loader from.

    Attributes:
        folder: a folder of JPEG files in a sub-folder for each class.
        target: what `prepare` wrote.
        variant: one of the adapter's own names for what comes out and how.
        threads: threads or worker processes.
    """

    folder: Path
    target: Path
    variant: str
    threads: int

    @property
    def is_float(self) -> bool:
        """Whether normalised float32 is wanted, rather than uint8."""
        return self.variant.startswith("float32")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A contestant.

    Attributes:
        batches: gives batches without end; a batch, or its first item, is an array of (n, 3, h, w) or (n, h, w, 3).
        prepare: writes `target` from `folder`; None where it reads the folder itself.
        packages: distributions whose versions belong to the result.
    """

    batches: Callable[[Task], Iterator[Any]]
    prepare: Callable[[Task], None] | None = None
    packages: Sequence[str] = ()


def wrapped(epoch: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """The batches of one epoch after the other, without end."""
    while True:
        yield from epoch()


def images_of(folder: Path) -> list[Path]:
    """The files of an image folder, sorted."""
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def main(adapter: Adapter) -> None:
    """What `python -m benchmarks.peers.NAME` does."""
    action, task = command_line()
    if action == "prepare":
        if adapter.prepare is not None:
            adapter.prepare(task)
    else:
        serve(lambda: opened(adapter, task))
    sys.stderr.flush()
    os._exit(0)  # without waiting for each library's own shutdown


def command_line() -> tuple[str, Task]:
    """ "prepare" or "run", and for what."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["prepare", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--variant", default="uint8")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    return given.action, Task(given.folder, given.target, given.variant, given.threads)


def serve(start: Callable[[], tuple[dict[str, Any], Turn]]) -> None:
    """Says hello and answers the turns that standard input asks for. What libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        hello, turn = start()
        print(json.dumps(hello), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(turn(float(line))), file=answers, flush=True)


def opened(adapter: Adapter, task: Task) -> tuple[dict[str, Any], Turn]:
    """Builds a contestant's loader and takes its first batch: what to say about it, and how it is timed."""
    start = time.perf_counter()
    batches = adapter.batches(task)
    hello = {"batch": described(next(batches)), "start_up_seconds": time.perf_counter() - start}
    hello["versions"] = {name: version(name) for name in adapter.packages}
    return hello, lambda seconds: timed(batches, seconds)


def timed(batches: Iterator[Any], at_least_seconds: float) -> dict[str, float]:
    """One turn: takes batches for so long, after some that don't count."""
    start = time.perf_counter()
    taken = 0
    while taken < WARM_UP_BATCHES or time.perf_counter() - start < WARM_UP_SECONDS:
        next(batches)
        taken += 1
    cpu = session_cpu_seconds()
    images, start, seconds = 0, time.perf_counter(), 0.0
    while seconds < at_least_seconds:
        images += len(image_part(next(batches)))
        seconds = time.perf_counter() - start
    return {"images": images, "seconds": seconds, "cpu_seconds": session_cpu_seconds() - cpu}


def image_part(batch: Any) -> Any:
    """The array of images in a batch."""
    return batch[0] if isinstance(batch, tuple | list) else batch


def described(batch: Any) -> str:
    """Item type and shape of a batch, such as "uint8 (64, 3, 224, 224)"."""
    images = image_part(batch)
    dtype = getattr(images.dtype, "name", None) or getattr(images.dtype, "__name__", None) or str(images.dtype)
    return f"{dtype.replace('torch.', '')} {tuple(images.shape)}"


def session_cpu_seconds() -> float:
    """User and system time so far of all living processes of this session (the contestant and its workers)."""
    session, ticks = os.getsid(0), 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if int(fields[3]) == session:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")

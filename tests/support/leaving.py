"""Programs that leave a loader in every way, each in a process of its own: `python leaving.py`; results as JSON.

One process imports torch, and forks for each program; a child ends as any interpreter does.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from support.faulty import Hanging
from support.loading import PIPELINE, Plain, arrays
from torch.utils.data import IterableDataset

from penstock.errors import EngineClosedError
from penstock.loaders import DataLoader

ENGINES: dict[str, dict[str, Any]] = {
    "native": {"num_workers": 2},
    "native-inline": {},
    "inline": {"engine": "python"},
    "pool": {"engine": "python", "num_workers": 2},
    "threads": {"engine": "python", "num_workers": 2, "workers": "threads"},
    "torch": {"engine": "python", "num_workers": 2, "seed": None},
}

LONGEST = 60
"""Seconds of a program."""

kept: list[Any] = []
"""What is alive when the interpreter exits."""

waits: Any = None
"""A descriptor: a byte there says that a sample is being made."""


def loader_of(engine: str, **more: Any) -> DataLoader[Any]:
    """A loader of 6 batches, by an engine."""
    data = arrays(23)
    return DataLoader(data, 4, **{"shuffle": True, "augment": PIPELINE, "seed": 3, **ENGINES[engine], **more})


class Stream(IterableDataset[int]):
    """Numbers without end, with a state."""

    at = 0

    def __iter__(self) -> Any:
        while True:
            self.at += 1
            yield self.at

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


def exit_early(engines: Iterable[str], **more: Any) -> None:
    """Exits with iterators in the middle of their passes."""
    for engine in engines:
        loader = loader_of(engine, **more)
        iterator = iter(loader)
        next(iterator)
        kept.extend([loader, iterator])


def exit_stream() -> None:
    loader: DataLoader[Any] = DataLoader(Stream(), 2, num_workers=2)
    kept.append(iter(loader))
    next(kept[0])


def exit_by_error() -> None:
    """Exits out of loops over every engine, one inside the other."""
    for _ in zip(*map(loader_of, ENGINES), strict=True):
        sys.exit(5)


def exit_while_hanging(workers: Any) -> None:
    """A worker is in the middle of a sample that takes very long."""
    data = Hanging(6, 2, until=Path("/there/is/no/such/file"))
    loader: DataLoader[Any] = DataLoader(data, 2, seed=0, num_workers=2, workers=workers)
    kept.append(iter(loader))
    next(kept[0])


def fork_inside(engine: str) -> None:
    """Forks in the middle of a pass; the child can't go on, but anew, and exits; the parent goes on."""
    loader = loader_of(engine)
    iterator = iter(loader)
    labels = next(iterator)[1].tolist()
    child = os.fork()
    if not child:
        try:
            next(iterator)
        except EngineClosedError as error:
            if "fork" not in str(error):
                raise
        if len(list(loader)) != 6:
            sys.exit(4)
        raise Finished
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    labels += [label for batch in iterator for label in batch[1].tolist()]
    if code or sorted(labels) != list(range(23)):
        raise RuntimeError(f"{engine}: the child exited with {code}, the parent was given {labels}")


def interrupted(engine: str) -> None:
    """Waits for samples that take very long."""
    slow: Any = Plain(arrays(12), slowly)
    more = {"seed": 0, **ENGINES[engine]}
    next(iter(DataLoader(slow, 2, **more)))


def slowly(image: Any) -> Any:
    os.write(waits, b"w")
    time.sleep(LONGEST)
    return image


PROGRAMS: dict[str, Callable[[], None]] = {
    "exit": lambda: exit_early(ENGINES),
    "exit persistent": lambda: exit_early(("native", "pool", "threads", "torch"), persistent_workers=True),
    "exit device": lambda: exit_early(("native", "pool", "inline"), device="cpu"),
    "exit spawn": lambda: exit_early(("pool",), multiprocessing_context="spawn"),
    "exit forkserver": lambda: exit_early(("pool",), multiprocessing_context="forkserver"),
    "exit progress": lambda: exit_early(("native",), progress=True),
    "exit stream": exit_stream,
    "error": exit_by_error,
    "hang processes": lambda: exit_while_hanging("processes"),
    "hang threads": lambda: exit_while_hanging("threads"),
    "fork native": lambda: fork_inside("native"),
    "fork inline": lambda: fork_inside("inline"),
    "fork pool": lambda: fork_inside("pool"),
    "fork threads": lambda: fork_inside("threads"),
    "interrupt inline": lambda: interrupted("inline"),
    "interrupt pool": lambda: interrupted("pool"),
    "interrupt threads": lambda: interrupted("threads"),
    "interrupt torch": lambda: interrupted("torch"),
}


def left_behind(group: int) -> list[int]:
    """The processes of a group that are still there."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == group:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def run(name: str) -> dict[str, Any]:
    """Exit code, output, seconds and leftovers of one program; in the forked child, does not return."""
    global waits
    ready, waits = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            PROGRAMS[name]()
            raise Finished
        os.close(waits)
        if name.startswith("interrupt"):
            for _ in range(ENGINES[name.split()[1]].get("num_workers", 1)):
                select.select([ready], [], [], 30)
                os.read(ready, 1)
            time.sleep(0.5)  # the consumer waits too
            os.killpg(child, signal.SIGINT)
        began = time.monotonic()
        signal.alarm(LONGEST)
        try:
            status = os.waitpid(child, 0)[1]
        except TimeoutError:
            os.killpg(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
        finally:
            signal.alarm(0)
        code = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        os.close(ready)
        deadline = time.monotonic() + 30
        while (left := left_behind(child)) and time.monotonic() < deadline:
            time.sleep(0.02)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return {"code": code, "out": texts[0], "err": texts[1], "seconds": seconds, "left": left}


def overdue(*_: object) -> None:
    raise TimeoutError


class Finished(BaseException):
    """Unwinds a child."""


def main() -> None:
    chosen = sys.argv[1:] or PROGRAMS
    signal.signal(signal.SIGALRM, overdue)
    gc.freeze()  # children collect what is their own, and end sooner
    try:
        results = {name: run(name) for name in chosen}
    except Finished:
        return
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()

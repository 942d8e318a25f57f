"""Whatever way a loader is left: no thread, process, descriptor, segment or mapping stays, and nothing is printed."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.leaving import ENGINES, PROGRAMS, loader_of
from support.loading import settles

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Resources:
    """What this process holds.

    Attributes:
        threads: names of Python's, and their number by the system's count.
        children: processes.
        descriptors: what they are of.
        segments: in /dev/shm, by `segments`.
    """

    threads: tuple[str, ...]
    tasks: int
    children: int
    descriptors: int
    segments: int

    @classmethod
    def now(cls) -> Resources:
        gc.collect()
        names = tuple(sorted(thread.name for thread in threading.enumerate()))
        tasks = os.listdir("/proc/self/task")
        children = sum(map(children_of, tasks))
        return cls(names, len(tasks), children, len(os.listdir("/proc/self/fd")), segments())

    def at_most(self, other: Resources) -> bool:
        pairs = zip(
            (len(self.threads), self.tasks, self.children, self.descriptors, self.segments),
            (len(other.threads), other.tasks, other.children, other.descriptors, other.segments),
            strict=True,
        )
        return all(mine <= theirs for mine, theirs in pairs)


def children_of(task: str) -> int:
    try:
        return len(Path(f"/proc/self/task/{task}/children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0


def segments() -> int:
    """torch's segments of this process and of processes that have ended: those of others are none of our business."""
    owners = [name.split("_")[1] for name in os.listdir("/dev/shm") if name.startswith("torch_")]
    return sum(owner == str(os.getpid()) or not Path("/proc", owner).exists() for owner in owners)


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    gc.freeze()
    yield
    gc.unfreeze()


def full_pass(loader: Any) -> None:
    assert len(list(loader)) == 6


def break_off(loader: Any) -> None:
    for _ in loader:
        break


def exception(loader: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in loader]


def delete(loader: Any) -> None:
    iterator = iter(loader)
    next(iterator)
    del iterator


def never_asked(loader: Any) -> None:
    iter(loader)


def generator(loader: Any) -> None:
    batches = (batch for batch in loader)
    next(batches)
    batches.close()


def two_at_a_time(loader: Any) -> None:
    for pair in zip(loader, loader, strict=True):
        del pair
        break


WAYS = (full_pass, break_off, exception, delete, never_asked, generator, two_at_a_time)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "more", [{}, {"persistent_workers": True}, {"device": "cpu"}], ids=["", "persistent", "device"]
)
def test_nothing_stays(engine: str, more: dict[str, Any]) -> None:
    if more.get("persistent_workers") and not ENGINES[engine].get("num_workers"):
        pytest.skip("there are no workers to persist")
    full_pass(loader_of(engine, **more))  # what is started once for a process
    before = Resources.now()
    for leave in WAYS:
        loader = loader_of(engine, **more)
        leave(loader)
        del loader
        assert settles(lambda: Resources.now().at_most(before)), (leave.__name__, before, Resources.now())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loader_that_stays_keeps_no_pass(engine: str) -> None:
    loader = loader_of(engine)
    full_pass(loader)
    before = Resources.now()
    for leave in (full_pass, break_off, exception):
        leave(loader)
        assert settles(lambda: Resources.now().at_most(before)), (leave.__name__, before, Resources.now())


def mappings() -> int:
    gc.collect()
    with open("/proc/self/maps") as lines:
        return sum(1 for _ in lines)


@pytest.mark.parametrize(("engine", "passes"), [("native", 50), ("inline", 50), ("threads", 50), ("pool", 20)])
def test_many_passes_need_no_more_than_a_few(engine: str, passes: int) -> None:
    loader = loader_of(engine)
    for _ in range(3):
        full_pass(loader)
    before, mapped = Resources.now(), mappings()
    for number in range(passes):
        (break_off if number % 2 else full_pass)(loader)
    assert settles(lambda: Resources.now().at_most(before)), (before, Resources.now())
    assert settles(lambda: mappings() <= mapped + 12), (mapped, mappings())  # not one more for each pass


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    script = [sys.executable, "-W", "error", str(TESTS / "support" / "leaving.py")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    given: dict[str, Any] = json.loads(done.stdout)
    return given


@pytest.mark.timeout(300)  # the first one makes the results of all
@pytest.mark.parametrize("program", [name for name in PROGRAMS if not name.startswith("interrupt")])
def test_the_interpreter_exits_at_once_and_silently(program: str, results: dict[str, Any]) -> None:
    result = results[program]
    assert result["code"] == (5 if program == "error" else 0), result
    assert result["left"] == []
    if program == "exit progress":  # its bar may be there
        assert "Error" not in result["err"]
        assert "Exception" not in result["err"]
    else:
        assert result["err"] == ""


@pytest.mark.timeout(300)  # the first one makes the results of all
@pytest.mark.parametrize("program", [name for name in PROGRAMS if name.startswith("interrupt")])
def test_ctrl_c_ends_a_program_that_waits(program: str, results: dict[str, Any]) -> None:
    result = results[program]
    assert result["code"] in (-2, 130), result
    assert result["left"] == []
    assert result["err"].startswith("Traceback (most recent call last):\n")
    assert result["err"].rstrip().endswith("KeyboardInterrupt")
    assert result["err"].count("Traceback") == 1, result["err"]

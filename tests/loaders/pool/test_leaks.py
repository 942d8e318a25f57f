"""Nothing is left: counted after every way in which a pool can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from support import pool_jobs as jobs
from support.census import census, wait_until_no_more_than
from support.waiting import a_signal_comes, drop_and_wait, wait_until

import penstock
from penstock.errors import WorkerDeathError
from penstock.loaders.pool import PoolOptions, Task, WorkerPool

TESTS = Path(__file__).resolve().parents[2]


def submit(pool: WorkerPool, count: int = 6) -> None:
    for number in range(count):
        pool.submit(Task(number, (jobs.zeros, 20_000)))


def to_the_end(pool: WorkerPool) -> None:
    submit(pool)
    for number in range(6):
        pool.receive(number, timeout=30)
    pool.close()


def leaving_early(pool: WorkerPool) -> None:
    submit(pool)
    pool.receive(0, timeout=30)
    pool.close()


def dropping_it(pool: WorkerPool) -> None:
    submit(pool)
    pool.receive(0, timeout=30)


def an_error_in_the_consumer(pool: WorkerPool) -> None:
    submit(pool)
    for number in range(6):
        pool.receive(number, timeout=30)
        if number == 3:
            raise ZeroDivisionError


def an_error_in_a_worker(pool: WorkerPool) -> None:
    pool.submit(Task(0, (jobs.fail, "chained")))
    with pytest.raises(ValueError, match="outer"):
        pool.receive(0, timeout=30)


def never_used(pool: WorkerPool) -> None:
    pool.close()


def with_results_unopened(pool: WorkerPool) -> None:
    submit(pool)
    while not pool.ready(5):
        time.sleep(0.01)


def cancelled(pool: WorkerPool) -> None:
    submit(pool)
    pool.receive(0, timeout=30)
    pool.cancel()
    submit(pool, 2)


ENDINGS = [
    to_the_end,
    leaving_early,
    dropping_it,
    an_error_in_the_consumer,
    an_error_in_a_worker,
    never_used,
    with_results_unopened,
    cancelled,
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_nothing_is_left_after(kind: Any, ending: Callable[[WorkerPool], None]) -> None:
    before = census()
    with suppress(ZeroDivisionError):
        ending(WorkerPool(jobs.Calls(), PoolOptions(kind=kind, workers=2, watchdog=60.0)))
    wait_until_no_more_than(before)


@pytest.mark.parametrize("restart", [False, True])
def test_nothing_is_left_after_deaths(restart: bool) -> None:
    before = census()
    pool = WorkerPool(jobs.Calls(), PoolOptions(workers=2, restart=restart, max_restarts=2, watchdog=60.0))
    submit(pool)
    pool.submit(Task(6, (jobs.die, signal.SIGKILL)))
    with pytest.raises(WorkerDeathError):
        pool.receive(6, timeout=30)
    del pool
    wait_until_no_more_than(before)


def test_results_outlive_the_pool_and_then_go() -> None:
    before = census()
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.give, torch.arange(20_000))))
        value = pool.receive(0).value
    del pool
    assert census()["mappings"] == before["mappings"] + 1
    assert value.sum() == 199_990_000
    del value
    wait_until_no_more_than(before)


@pytest.mark.parametrize("ignore", [False, True])
def test_closing_does_not_wait_for_a_long_sample(ignore: bool) -> None:
    """Neither for one that can be asked to end, nor for one that can't."""
    before = census()
    pool = WorkerPool(jobs.Calls(), PoolOptions(workers=2))
    pool.submit(Task(0, (jobs.sleep_deaf if ignore else jobs.sleep, 600.0)))  # longer than a test may take
    pool.submit(Task(1, (jobs.give, 1)))
    pool.receive(1)
    pool.close()
    del pool
    wait_until_no_more_than(before)


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_ctrl_c_while_a_pool_ends_is_heard_when_it_has_ended(kind: Any, tmp_path: Path) -> None:
    """And not printed and forgotten, as what is raised in a finalizer."""
    before = census()
    pool = WorkerPool(jobs.Calls(), PoolOptions(kind=kind, workers=2, watchdog=60.0))
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
    wait_until((tmp_path / "go.begun").exists)
    held = [pool]
    del pool
    with pytest.raises(KeyboardInterrupt), a_signal_comes():
        drop_and_wait(held)
    (tmp_path / "go").touch()
    wait_until_no_more_than(before)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_nothing_is_left_of_a_program(method: str) -> None:
    path = os.pathsep.join([str(Path(penstock.__file__).parents[1]), str(TESTS)])
    found = subprocess.run(
        [sys.executable, "-m", "support.pool_program", method],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "done\n", "")

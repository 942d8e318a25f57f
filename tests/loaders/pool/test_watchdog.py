"""The watchdog names the sample and stage that hangs, and shows the worker's stacks."""

from __future__ import annotations

import logging
import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import pool_jobs as jobs
from support.waiting import wait_until

from penstock.loaders.pool import PoolOptions, Task, WorkerPool
from penstock.loaders.pool.watchdog import Hang


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_hang_is_reported_and_again_later(kind: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.WARNING, "penstock.loaders")
    with WorkerPool(jobs.Calls(), PoolOptions(kind=kind, workers=2, watchdog=0.2)) as pool:
        pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go")), (5,)))
        # A process that starts slowly is reported too, and one that the system keeps waiting shows no stacks.
        wait_until(lambda: len(at_sample_5(pool)) >= 2 and "in wait_for" in at_sample_5(pool)[-1].stacks)
        (tmp_path / "go").touch()
        assert pool.receive(0, timeout=30).value == "seen"
        hangs = at_sample_5(pool)
    assert {(hang.worker, hang.pid, hang.sample) for hang in hangs} == {(0, pool.pids()[0], "file 5.jpg")}
    assert hangs[0].seconds >= 0.2
    assert all(later.seconds >= 2 * hang.seconds for hang, later in pairwise(hangs))
    messages = [record.getMessage() for record in caplog.records]
    for hang in hangs:
        (message,) = [message for message in messages if f" for {hang.seconds:.1f} s\n{hang.stacks}" in message]
        assert f"worker 0 (pid {hang.pid}) has been at sample 5 [file 5.jpg] stage 'sample' of task 0 for" in message


def at_sample_5(pool: WorkerPool) -> list[Hang]:
    return [hang for hang in pool.hangs if hang.standing.sample == 5]


def test_workers_that_get_on_are_left_alone() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(workers=2, watchdog=0.4)) as pool:
        for number in range(8):
            pool.submit(Task(number, (jobs.step, 5, 0.05)))
        longest = max(pool.receive(number, timeout=60).value for number in range(8))
        assert [hang for hang in pool.hangs if hang.standing.stage == "sample" and hang.seconds > longest] == []


def test_a_stopped_process_has_no_stacks(tmp_path: Path) -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(watchdog=0.1)) as pool:
        pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
        wait_until((tmp_path / "go.begun").exists)
        os.kill(pool.pids()[0], signal.SIGSTOP)
        wait_until(lambda: any("(no stacks came: the process is stopped" in hang.stacks for hang in pool.hangs))
        os.kill(pool.pids()[0], signal.SIGCONT)
        (tmp_path / "go").touch()
        assert pool.receive(0, timeout=30).value == "seen"

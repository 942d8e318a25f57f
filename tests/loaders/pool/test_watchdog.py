"""The watchdog names the sample and stage that hangs, and shows the worker's stacks."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support import pool_jobs as jobs
from support.waiting import wait_until

from penstock.loaders.pool import PoolOptions, Task, WorkerPool


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_hang_is_reported_and_again_later(kind: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.WARNING, "penstock.loaders")
    with WorkerPool(jobs.Calls(), PoolOptions(kind=kind, workers=2, watchdog=0.2)) as pool:
        pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go")), (5,)))
        wait_until(lambda: len(pool.hangs) >= 2)
        (tmp_path / "go").touch()
        assert pool.receive(0, timeout=30).value == "seen"
        first, second = pool.hangs[:2]
    assert (first.worker, first.pid, first.standing.sample, first.sample) == (0, pool.pids()[0], 5, "file 5.jpg")
    assert first.seconds >= 0.2
    assert second.seconds >= 2 * first.seconds
    assert "in wait_for" in first.stacks
    message = caplog.records[0].getMessage()
    assert f"worker 0 (pid {first.pid}) has been at sample 5 [file 5.jpg] stage 'sample' of task 0 for" in message
    assert first.stacks in message


def test_workers_that_get_on_are_left_alone() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(workers=2, watchdog=0.5)) as pool:
        for number in range(30):
            pool.submit(Task(number, (jobs.sleep, 0.03)))
        for number in range(30):
            pool.receive(number, timeout=30)
        assert pool.hangs == []


def test_a_stopped_process_has_no_stacks(tmp_path: Path) -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(watchdog=0.1)) as pool:
        pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
        wait_until((tmp_path / "go.begun").exists)
        os.kill(pool.pids()[0], signal.SIGSTOP)
        wait_until(lambda: any("(no stacks came: the process is stopped" in hang.stacks for hang in pool.hangs))
        os.kill(pool.pids()[0], signal.SIGCONT)
        (tmp_path / "go").touch()
        assert pool.receive(0, timeout=30).value == "seen"

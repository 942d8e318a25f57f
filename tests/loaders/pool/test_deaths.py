"""Worker processes that die: what is said, and that nothing is lost or repeated."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import pool_jobs as jobs
from support.waiting import state_of, wait_until

from penstock.errors import WorkerDeathError
from penstock.loaders.pool import PoolOptions, Task, WorkerPool


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "was killed by SIGKILL (often the kernel's out-of-memory killer"),
        (signal.SIGBUS, "was killed by SIGBUS (often shared memory (/dev/shm, where it is used)"),
        (signal.SIGSEGV, "was killed by SIGSEGV (native code"),
        (signal.SIGABRT, "was killed by SIGABRT (native code"),
        (signal.SIGTERM, "was killed by SIGTERM (something asked it to end)"),
        (signal.SIGRTMIN + 3, f"was killed by signal {signal.SIGRTMIN + 3},"),
    ],
)
def test_a_death_is_told_with_its_place(number: int, words: str) -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(workers=2)) as pool:
        pid = pool.pids()[0]
        pool.submit(Task(0, (jobs.die, int(number))))
        with pytest.raises(
            WorkerDeathError, match=rf"^DataLoader worker \(pid\(s\) {pid}\) exited unexpectedly"
        ) as caught:
            pool.receive(0)
        assert isinstance(caught.value, RuntimeError)
        assert words in str(caught.value)
        assert "at sample 11 [file 11.jpg] stage 'sample' of task 0" in str(caught.value)
        assert pool.ready(0)
        with pytest.raises(WorkerDeathError, match="exited unexpectedly"):
            pool.receive(0)


def test_an_exit_is_told() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(8, (jobs.leave, 3)))
        with pytest.raises(
            WorkerDeathError, match=r"worker 0 \(pid \d+\) exited with code 3, at stage 'collate' of task 8"
        ):
            pool.receive(8)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (KeyboardInterrupt(), r"was ended by KeyboardInterrupt\(\), raised in the dataset .* exited with code 1, at"),
        (SystemExit(7), r"was ended by SystemExit\(7\), raised in the dataset .* exited with code 7, at"),
        (SystemExit("the disk is gone"), r"was ended by SystemExit\('the disk is gone'\), .* exited with code 1, at"),
        (SystemExit(), r"was ended by SystemExit\(\), .* exited with code 0, at"),
        (SystemExit("é" * 200), r"was ended by SystemExit\('é{58}, .* exited with code 1, at"),
    ],
)
def test_an_exception_that_ends_a_worker_is_told_by_name(
    end: BaseException, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(8, (jobs.leave_by, end)))
        with pytest.raises(WorkerDeathError, match=words + r" sample 11 \[file 11.jpg\] stage 'sample' of task 8"):
            pool.receive(8)
    assert capfd.readouterr() == ("", "")


def test_a_task_for_a_worker_that_is_known_to_be_dead_gets_the_news() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        os.kill(pool.pids()[0], signal.SIGKILL)
        wait_until(pool.ready)
        pool.submit(Task(3, (jobs.leave, 3)))
        with pytest.raises(WorkerDeathError, match="was killed by SIGKILL"):
            pool.receive(3)


def test_the_death_of_an_idle_worker_is_noticed_in_a_wait_for_another() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(workers=2)) as pool:
        pool.submit(Task(0, (jobs.sleep, 300.0), worker=0))
        pool.submit(Task(1, (jobs.give, 1), worker=1))
        pool.receive(1)
        killer = threading.Timer(0.1, os.kill, (pool.pids()[1], signal.SIGKILL))
        killer.start()
        with pytest.raises(WorkerDeathError, match="waiting for a task"):
            pool.receive(0)
        killer.join()


def test_what_was_sent_before_a_death_arrives() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.give, torch.ones(50_000))))
        pool.submit(Task(1, (jobs.die, signal.SIGKILL)))
        wait_until(lambda: state_of(pool.pids()[0]) == "Z")
        assert pool.receive(0).value.sum() == 50_000
        with pytest.raises(WorkerDeathError):
            pool.receive(1)


def test_a_worker_that_hangs_up_counts_as_dead() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.hang_up,)))
        # It leaves by itself if nobody kills it soon.
        with pytest.raises(WorkerDeathError, match=r"(was killed by SIGKILL|exited with code 1).*at sample 12"):
            pool.receive(0)


def test_a_death_is_noticed_though_a_grandchild_holds_its_descriptors() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.spawn_grandchild,)))
        grandchild = pool.receive(0).value
        try:
            pool.submit(Task(1, (jobs.die, signal.SIGKILL)))
            with pytest.raises(WorkerDeathError):
                pool.receive(1)
            assert state_of(grandchild) == "S", "it should sleep on"
        finally:
            os.kill(grandchild, signal.SIGKILL)


def test_restarts_are_logged_and_counted(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with WorkerPool(jobs.Fragile(), PoolOptions(workers=2, restart=True)) as pool:
        before = pool.pids()
        for number in range(6):
            pool.submit(Task(number, (str(tmp_path / "died") if number == 2 else "", number), (number,)))
        with caplog.at_level(logging.WARNING, "penstock.loaders"):
            assert [pool.receive(number).value[0] for number in range(6)] == list(range(6))
        assert pool.restarts == 1
        assert pool.pids()[0] != before[0]
        assert pool.pids()[1] == before[1]
        (record,) = caplog.records
        assert f"worker 0 (pid {before[0]}) was killed by SIGKILL" in record.getMessage()
        assert "at sample 3 [file 3.jpg] stage 'sample' of task 2; a new one takes its place" in record.getMessage()
        assert "(restart 1 of at most 10)" in record.getMessage()
        assert [(c.tasks, c.samples) for c in pool.counters()] == [(3, 3), (3, 3)], "the dead worker's are kept"


def test_too_many_deaths_are_told_one_by_one() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions(workers=1, restart=True, max_restarts=2)) as pool:
        pool.submit(Task(0, (jobs.die, signal.SIGKILL), (11,)))
        with pytest.raises(
            WorkerDeathError, match=r"exited unexpectedly, and max_restarts=2 is used up. Deaths so far:"
        ) as caught:
            pool.receive(0)
        assert str(caught.value).count("at sample 11 [file 11.jpg] stage 'sample' of task 0") == 3
        assert pool.restarts == 2


@settings(max_examples=12)
@given(
    workers=st.integers(1, 3),
    ahead=st.integers(1, 6),
    deadly=st.sets(st.integers(0, 15), max_size=4),
    killed=st.sets(st.integers(0, 15), max_size=4),
    held=st.integers(0, 4),
)
def test_each_result_comes_once_and_in_order(
    workers: int, ahead: int, deadly: set[int], killed: set[int], held: int
) -> None:
    """Some tasks kill their worker, and someone kills workers at some steps."""
    options = PoolOptions(workers=workers, restart=True, max_restarts=20)
    kept = []
    with TemporaryDirectory() as folder, WorkerPool(jobs.Fragile(), options) as pool:
        submitted = 0
        for number in range(16):
            while submitted < min(16, number + ahead):
                path = f"{folder}/{submitted}" if submitted in deadly else ""
                pool.submit(Task(submitted, (path, submitted), (submitted,)))
                submitted += 1
            if number in killed:
                with suppress(ProcessLookupError):  # it has died, and multiprocessing has seen it before the pool
                    os.kill(pool.pids()[number % workers], signal.SIGKILL)
            value, tensor = pool.receive(number, timeout=60).value
            assert value == number
            kept = [*kept, (number, tensor)][-held:] if held else []
            assert all((old == fill).all() for fill, old in kept), "results outlive their workers"
        with pytest.raises(ValueError, match="no task is under way"):
            pool.receive()

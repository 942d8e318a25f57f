"""What holds for pools of processes and of threads alike."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkContext, ForkProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from support import pool_jobs as jobs
from support.waiting import a_signal_comes, wait_until

from penstock.errors import EngineClosedError, OptionError
from penstock.loaders.pool import Job, PoolOptions, Task, WorkerPool
from penstock.loaders.pool.remote_error import RemoteTraceback

Make = Callable[..., WorkerPool]


@pytest.fixture(params=["processes", "threads"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(kind: Any) -> Iterator[Make]:
    pools = []

    def make(job: Job | None = None, **options: Any) -> WorkerPool:
        pool = WorkerPool(job or jobs.Calls(), PoolOptions(**{"kind": kind, "workers": 2, **options}))
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.close()


def test_results_come_by_number(make: Make) -> None:
    pool = make(jobs.Echo())
    for number in range(10):
        pool.submit(Task(number, f"payload {number}"))
    results = [pool.receive(number, timeout=30) for number in (3, 0, 1, 2, 9, 8, 7, 6, 5, 4)]
    assert [r.number for r in results] == [3, 0, 1, 2, 9, 8, 7, 6, 5, 4]
    assert all(r.value == f"payload {r.number}" and r.error is None for r in results)


def test_results_come_as_they_are_finished(make: Make, tmp_path: Path) -> None:
    pool = make()
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go")), worker=0))
    pool.submit(Task(1, (jobs.give, "one"), worker=1))
    assert pool.receive(None, timeout=30).value == "one"
    (tmp_path / "go").touch()
    assert pool.receive(None, timeout=30).number == 0
    with pytest.raises(ValueError, match="no task is under way; submit it first"):
        pool.receive()


def test_the_job_knows_where_it_is(make: Make, kind: str) -> None:
    pool = make(workers=3, seed=99)
    for number in range(3):
        pool.submit(Task(number, (jobs.who,), worker=number))
    found = [pool.receive(number, timeout=30) for number in range(3)]
    assert [r.value[:3] for r in found] == [(0, 3, 99), (1, 3, 99), (2, 3, 99)]
    assert [r.worker for r in found] == [0, 1, 2]
    assert [r.value[3] for r in found] == pool.pids()
    if kind == "processes":
        assert len(set(pool.pids()) | {os.getpid()}) == 4
        assert {r.value[4] for r in found} == {1}


def test_tasks_go_to_the_least_busy_in_turns(make: Make, tmp_path: Path) -> None:
    pool = make(workers=3)
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go")), worker=1))
    for number in range(1, 6):
        pool.submit(Task(number, (jobs.wait_for, str(tmp_path / "go"))))
    (tmp_path / "go").touch()
    assert [pool.receive(number, timeout=30).worker for number in range(6)] == [1, 2, 0, 1, 2, 0]


def test_numbers_and_workers_are_checked(make: Make) -> None:
    pool = make(jobs.Echo())
    pool.submit(Task(4, None))
    with pytest.raises(ValueError, match="task 4 is under way already; receive it before"):
        pool.submit(Task(4, None))
    with pytest.raises(ValueError, match="there is no worker 2: the pool has 2"):
        pool.submit(Task(5, None, worker=2))
    with pytest.raises(ValueError, match="task 5 is under way; submit it first"):
        pool.receive(5)
    assert pool.receive(4, timeout=30).value is None
    assert pool.receive(4, timeout=30).value is None, "the last one can be had again"
    pool.submit(Task(4, "again"))
    assert pool.receive(4, timeout=30).value == "again"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "fibres"}, "a pool's workers are 'processes' or 'threads', not 'fibres'"),
        ({"workers": 0}, "a pool needs at least one worker, not 0; without workers, use no pool"),
        ({"max_restarts": -1}, "max_restarts=-1 must not be negative"),
        ({"watchdog": -1.0}, "watchdog=-1.0 must not be negative; it is in seconds"),
    ],
)
def test_options_are_checked(options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PoolOptions(**options)


def test_ready_does_not_wait(make: Make, tmp_path: Path) -> None:
    pool = make()
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
    assert not pool.ready(0)
    assert not pool.ready()
    (tmp_path / "go").touch()
    wait_until(lambda: pool.ready(0))
    assert pool.ready()
    assert pool.receive(0, timeout=30).value == "seen"


def test_errors_keep_kind_attributes_and_traceback(make: Make, kind: str) -> None:
    pool = make()
    pool.submit(Task(0, (jobs.fail, "rich")))
    pool.submit(Task(1, (jobs.fail, "chained")))
    pool.submit(Task(2, (jobs.give, "well")))
    with pytest.raises(jobs.RichError, match=r"^rich$") as caught:
        pool.receive(0, timeout=30)
    assert caught.value.code == 17
    with pytest.raises(ValueError, match=r"^outer$") as chained:
        pool.receive(1, timeout=30)
    text = "".join(traceback.format_exception(chained.value))
    assert "KeyError: 'inner'" in text
    assert "in fail" in text
    if kind == "processes":
        cause = caught.value.__cause__
        assert isinstance(cause, RemoteTraceback)
        assert (cause.worker, cause.pid) == (0, pool.pids()[0])
        assert f"in worker 0 (process {cause.pid}):" in str(cause)
    assert pool.receive(2, timeout=30).value == "well"


def test_take_gives_errors_as_results(make: Make) -> None:
    pool = make()
    pool.submit(Task(0, (jobs.fail, "rich"), (1, 2)))
    result = pool.take(timeout=30)
    assert isinstance(result.error, jobs.RichError)
    assert (result.number, result.value, result.task.samples) == (0, None, (1, 2))
    assert [(c.errors, c.samples) for c in pool.counters()] == [(1, 0), (0, 0)]


def test_an_error_of_start_is_the_error_of_every_task(make: Make) -> None:
    pool = make(jobs.BadStart())
    for number in range(4):
        pool.submit(Task(number, None, worker=number % 2))
    for number in range(4):
        with pytest.raises(ValueError, match=f"worker {number % 2} can't start"):
            pool.receive(number, timeout=30)


def test_the_timeout_says_who_is_where(make: Make, tmp_path: Path) -> None:
    pool = make()
    pool.submit(Task(1, (jobs.give, 1), worker=1))
    pool.receive(1, timeout=30)
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go")), tuple(range(20, 31)), worker=0))
    wait_until(lambda: (tmp_path / "go.begun").exists() and "idle" in pool.counters()[1].seconds)
    with pytest.raises(RuntimeError, match=r"^DataLoader timed out after 0.5 seconds waiting for task 0") as caught:
        pool.receive(0, timeout=0.5)
    message = str(caught.value)
    assert "which worker 0 has (samples 20, 21, 22, 23, 24, 25, 26, 27 ... 30)" in message
    assert f"worker 0 (pid {pool.pids()[0]}) is at sample 5 [file 5.jpg] stage 'sample' of task 0, for " in message
    assert f"worker 1 (pid {pool.pids()[1]}) is waiting for a task, for " in message
    (tmp_path / "go").touch()
    assert pool.receive(0, timeout=30).value == "seen"


def test_cancelled_tasks_are_forgotten(make: Make, tmp_path: Path) -> None:
    pool = make(workers=1)
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
    pool.submit(Task(1, (jobs.fail, "rich")))
    pool.submit(Task(2, (jobs.give, "old")))
    wait_until((tmp_path / "go.begun").exists)
    pool.cancel()
    pool.submit(Task(1, (jobs.give, "new")))
    (tmp_path / "go").touch()
    assert pool.receive(1, timeout=30).value == "new"
    (counters,) = pool.counters()
    assert (counters.tasks, counters.errors) == (2, 0), "what had not begun is left out"
    with pytest.raises(ValueError, match="task 2 is under way"):
        pool.receive(2)


def test_counters_count(make: Make, kind: str) -> None:
    pool = make(jobs.Echo())
    for number in range(6):
        pool.submit(Task(number, torch.zeros(1000), (1, 2, 3), worker=number % 2))
    for number in range(6):
        pool.receive(number, timeout=30)
    wait_until(lambda: all(counters.seconds.get("idle", 0.0) >= 0.04 for counters in pool.counters()))
    for counters in pool.counters():
        assert (counters.tasks, counters.samples, counters.errors) == (3, 9, 0)
        assert counters.seconds["echo"] >= 0
        if kind == "processes":
            assert counters.bytes >= 3 * 4000


def test_ctrl_c_loses_nothing(make: Make, tmp_path: Path) -> None:
    pool = make()
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
    with pytest.raises(KeyboardInterrupt), a_signal_comes():
        pool.receive(0)
    (tmp_path / "go").touch()
    assert pool.receive(0, timeout=30).value == "seen"


def test_ctrl_c_that_another_thread_takes_is_heard(make: Make, tmp_path: Path) -> None:
    """The system may choose any thread, and Python's handler waits for the main one to wake up."""
    pool = make()
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
    with pytest.raises(KeyboardInterrupt), a_signal_comes(elsewhere=True):
        pool.receive(0)
    (tmp_path / "go").touch()
    assert pool.receive(0, timeout=30).value == "seen"


def test_ctrl_c_while_a_process_is_forked_is_heard() -> None:
    """Hooks that run at a fork, such as logging's, swallow what is raised in them."""

    class Context(ForkContext):
        def Process(self, **options: Any) -> Any:  # type: ignore[override]  # noqa: N802  (multiprocessing's name)
            started.append(process := ForkProcess(**options))
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                signal.getsignal(signal.SIGINT)  # runs Python, and so the handler
            return process

    started: list[ForkProcess] = []
    with pytest.raises(KeyboardInterrupt):
        WorkerPool(jobs.Calls(), PoolOptions(workers=2, context=Context()))
    assert len(started) == 1
    with pytest.raises(ValueError, match="process object is closed"):  # it was waited for
        started[0].is_alive()


class Storm:
    """A thread that presses Ctrl-C all the time; it is heard where `armed` is true, and makes it false."""

    def __init__(self) -> None:
        self.armed = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._press)

    def __enter__(self) -> Storm:
        self._before = signal.signal(signal.SIGUSR1, self._hear)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        signal.signal(signal.SIGUSR1, self._before)

    def _press(self) -> None:
        while not self._over.wait(0.003):
            os.kill(os.getpid(), signal.SIGUSR1)

    def _hear(self, *_: object) -> None:
        if self.armed:
            self.armed = False
            signal.getsignal(signal.SIGINT)(signal.SIGINT, None)  # type: ignore[operator,misc]


def test_a_storm_of_ctrl_c_loses_nothing(make: Make) -> None:
    pool = make(jobs.Echo())
    received: list[int] = []
    submitted = 0
    with Storm() as storm:
        while len(received) < 60:
            try:
                storm.armed = True
                while submitted < min(60, len(received) + 8):
                    pool.submit(Task(submitted, torch.full((5000,), float(submitted))))
                    submitted += 1
                received.append(int(pool.take(len(received), timeout=30).value[-1]))
                storm.armed = False
            except KeyboardInterrupt:
                pass
            except ValueError as error:
                storm.armed = False
                if "is under way already" not in str(error):
                    raise
                submitted += 1  # Ctrl-C came between submit's end and the counting
    assert received == list(range(60))


def test_a_closed_pool_says_so(make: Make) -> None:
    pool = make(jobs.Echo())
    pool.submit(Task(0, None))
    pool.close()
    pool.close()
    assert not pool.usable
    for use in (pool.cancel, pool.ready, pool.receive, lambda: pool.submit(Task(1, None))):
        with pytest.raises(EngineClosedError, match=r"this worker pool is closed; call iter\(loader\) for a new pass"):
            use()  # type: ignore[operator]


def test_closing_wakes_a_waiting_thread(make: Make, tmp_path: Path) -> None:
    pool = make()
    pool.submit(Task(0, (jobs.wait_for, str(tmp_path / "go"))))
    timer = threading.Timer(0.1, pool.close)
    timer.start()
    with pytest.raises(EngineClosedError):
        pool.receive(0, timeout=60)
    (tmp_path / "go").touch()
    timer.join()


def test_a_forked_child_can_not_use_it_and_does_no_harm(make: Make) -> None:
    pool = make(jobs.Echo(), watchdog=60.0)
    pool.submit(Task(0, "before"))
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with pytest.raises(EngineClosedError) as caught:
                pool.receive(0)
            os.write(writer, str(caught.value).encode())
            pool.close()
            del pool
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as file:
        assert f"this worker pool belongs to process {os.getpid()}, and its workers did not come along" in file.read()
    assert pool.receive(0, timeout=30).value == "before"
    pool.submit(Task(0, "after"))
    assert pool.receive(0, timeout=30).value == "after"


def test_many_results_wait_while_nobody_receives(make: Make) -> None:
    pool = make(jobs.Echo(), workers=1)
    for number in range(300):
        pool.submit(Task(number, bytes(20_000)))  # more than sockets hold, in both directions
    for number in range(300):
        assert len(pool.receive(number, timeout=30).value) == 20_000

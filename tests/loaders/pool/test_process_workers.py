"""What is particular to worker processes: start methods, torch's collating, what can't be sent."""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing
from support import pool_jobs as jobs
from support.census import census, wait_until_no_more_than
from support.waiting import wait_until

from penstock.errors import WorkerDeathError
from penstock.loaders.pool import PoolOptions, Task, WorkerPool
from penstock.loaders.pool.remote_error import RemoteTraceback


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_start_methods(method: str) -> None:
    resource_tracker.ensure_running()  # they stay, in every program that uses them
    if method == "forkserver":
        forkserver.set_forkserver_preload(["penstock.loaders.pool"])
        forkserver.ensure_running()
    before = census()
    context = torch.multiprocessing.get_context(method)
    options = PoolOptions(workers=2, context=context, restart=True, watchdog=60.0, seed=5)
    with WorkerPool(jobs.Calls(), options) as pool:
        for number in range(4):
            pool.submit(Task(number, (jobs.give, torch.full((20_000,), number))))
        assert [pool.receive(n, timeout=60).value.unique().tolist() for n in range(4)] == [[0], [1], [2], [3]]
        pool.submit(Task(4, (jobs.who,), worker=1))
        assert pool.receive(4).value == (1, 2, 5, pool.pids()[1], 1)
        os.kill(pool.pids()[1], signal.SIGKILL)
        pool.submit(Task(5, (jobs.give, "restarted"), worker=1))
        assert pool.receive(5, timeout=60).value == "restarted"
        assert pool.restarts == 1
    del pool
    wait_until_no_more_than(before)


def test_batches_are_made_in_the_memory_they_travel_in() -> None:
    with WorkerPool(jobs.Collating(), PoolOptions(workers=1)) as pool:
        for number in range(12):
            pool.submit(Task(number, number))
            images, labels = pool.receive(number).value
            assert images.shape == (4, 3, 64, 64)
            assert (images == number).all()
            assert labels.tolist() == [number] * 4
        for pid in (*pool.pids(), "self"):
            assert "/dev/shm/torch_" not in Path(f"/proc/{pid}/maps").read_text(), "as torch's workers have"


def test_batches_that_the_worker_keeps_are_not_shared() -> None:
    with WorkerPool(jobs.Hoarding(), PoolOptions(workers=1)) as pool:
        for number in range(6):
            pool.submit(Task(number, number + 1))
        for number in range(6):
            kept, new = pool.receive(number).value
            assert (kept == 1).all()
            assert (new == number + 1).all()
            kept.fill_(99)
            new.fill_(99)


def test_what_can_not_be_sent_is_told() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
            pool.submit(Task(0, lambda: 0))
        pool.submit(Task(0, (jobs.unpicklable,)))
        with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
            pool.receive(0)
        pool.submit(Task(1, (jobs.non_leaf,)))
        with pytest.raises(RuntimeError, match=r"a result holds a tensor that requires grad and is not a leaf"):
            pool.receive(1)
        pool.submit(Task(2, (jobs.give, "well")))
        assert pool.receive(2).value == "well"


@pytest.mark.parametrize(("kind", "name"), [("picky", "PickyError: 1 and 2"), ("local", "LocalError: local")])
def test_errors_that_can_not_be_sent_are_named(kind: str, name: str) -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.fail, kind)))
        with pytest.raises(
            RuntimeError, match=rf"{name} \(raised in a worker; it can't be pickled, so this stands"
        ) as caught:
            pool.receive(0)
        cause = caught.value.__cause__
        assert isinstance(cause, RemoteTraceback)
        assert "in fail" in cause.text
        copy = pickle.loads(pickle.dumps(cause))
        assert (copy.text, copy.worker, copy.pid) == (cause.text, cause.worker, cause.pid)


def test_want_of_shared_memory_is_told() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.limit_files, 1 << 22)))
        pool.receive(0)
        pool.submit(Task(1, (jobs.zeros, 1 << 20)))
        with pytest.raises(MemoryError, match=r"no shared memory for [\d,]+ bytes of a result .*ulimit -f.*smaller"):
            pool.receive(1)
        pool.submit(Task(2, (jobs.give, "well")))
        assert pool.receive(2).value == "well"


def test_results_may_be_many() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        descriptors = len(os.listdir("/proc/self/fd"))
        held = []
        for number in range(300):
            pool.submit(Task(number, (jobs.zeros, 10_000)))
            held.append(pool.receive(number).value.fill_(number))
        assert all((tensor == number).all() for number, tensor in enumerate(held))
        assert len(os.listdir("/proc/self/fd")) == descriptors, "torch's own would hold 300"


def test_ctrl_c_is_the_parents_business() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.give, 0)))
        pool.receive(0)
        os.kill(pool.pids()[0], signal.SIGINT)
        pool.submit(Task(1, (jobs.give, 1)))
        assert pool.receive(1).value == 1


class Unstartable:
    def start(self, worker: int, workers: int, seed: int) -> None: ...

    def run(self, payload: Any, place: Any) -> Any: ...

    def __reduce__(self) -> Any:
        raise TypeError("this job can't be pickled")


def test_a_job_that_can_not_be_sent_leaves_nothing_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    options = PoolOptions(workers=2, context=torch.multiprocessing.get_context("spawn"))
    for _ in range(3):
        with pytest.raises(TypeError, match="this job can't be pickled"):
            WorkerPool(Unstartable(), options)
    sys.exc_info()
    assert len(os.listdir("/proc/self/fd")) <= before + 1, "multiprocessing's resource tracker"


def test_want_of_descriptors_is_told() -> None:
    with WorkerPool(jobs.Calls(), PoolOptions()) as pool:
        pool.submit(Task(0, (jobs.zeros, 10_000)))
        wait_until(lambda: pool.ready(0))
        pool.submit(Task(1, (jobs.zeros, 10_000)))
        gc.collect()  # or what closes a descriptor later would make room for one
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(map(int, os.listdir("/proc/self/fd")))
        fillers = [os.dup(0) for _ in range(highest + 1 - len(os.listdir("/proc/self/fd")) + 1)]
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
            with pytest.raises(OSError, match="too many open files to receive a result: raise `ulimit -n`"):
                pool.receive(1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for filler in fillers:
                os.close(filler)
        pool.submit(Task(2, (jobs.zeros, 10_000)))
        assert pool.receive(2).value.shape == (10_000,)


def test_no_new_worker_can_be_had() -> None:
    job = jobs.Calls()
    context = torch.multiprocessing.get_context("forkserver")
    with WorkerPool(job, PoolOptions(context=context, restart=True)) as pool:
        pool.submit(Task(0, (jobs.die, signal.SIGKILL)))
        job.obstacle = lambda: 0  # type: ignore[attr-defined]
        with pytest.raises(WorkerDeathError, match=r"no new one could be started \(.*lambda.*killed by SIGKILL"):
            pool.receive(0)

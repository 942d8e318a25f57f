"""A program that uses worker pools, for the tests of what is left when it ends. Argument: a start method.

Its child makes a pool and is killed; it waits until that child's workers are gone, makes a pool itself, and ends
without closing it.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import torch.multiprocessing
from support import pool_jobs as jobs
from support.waiting import state_of, wait_until

from penstock.loaders.pool import PoolOptions, Task, WorkerPool


def make_pool(method: str, workers: int) -> WorkerPool:
    context = torch.multiprocessing.get_context(method)
    pool = WorkerPool(jobs.Calls(), PoolOptions(workers=workers, context=context, watchdog=60.0))
    for number in range(2):
        pool.submit(Task(number, (jobs.give, torch.ones(30_000))))
    for number in range(2):
        pool.receive(number)
    return pool


def alive(pid: int) -> bool:
    return state_of(pid) not in ("", "Z")


def doomed(method: str, writer: int) -> None:
    """One worker waits, the other is in the middle of a long sample."""
    pool = make_pool(method, 2)
    pool.submit(Task(0, (jobs.sleep, 300.0)))
    os.write(writer, " ".join(map(str, pool.pids())).encode())
    time.sleep(300)


def main(method: str) -> None:
    torch.multiprocessing.set_forkserver_preload(["penstock.loaders.pool"])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        doomed(method, writer)
    pids = [int(pid) for pid in os.read(reader, 1000).split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_until(lambda: not any(map(alive, pids)))  # one of them would sleep on for longer
    kept = make_pool(method, 1)
    kept.submit(Task(0, (jobs.give, 1)))
    print("done")


if __name__ == "__main__":
    main(sys.argv[1])

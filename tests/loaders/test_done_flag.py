"""Workers of torch's, and who waits for them, when one is killed while they say or ask whether all is done."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support.children import start_python
from support.waiting import wait_until

from penstock.loaders.engines.done_flag import DoneFlag


def test_it_is_set_for_good() -> None:
    flag = DoneFlag()
    assert not flag.is_set()
    for _ in range(2):
        flag.set()
        assert flag.is_set()
        assert flag.is_set()


def report(flag: DoneFlag, link: Any) -> None:
    for _ in range(2):
        link.send(flag.is_set())
        link.recv()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_worker_sees_it_however_it_was_started(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    flag = DoneFlag()
    ours, theirs = context.Pipe()
    worker = context.Process(target=report, args=(flag, theirs))
    worker.start()
    assert ours.recv() is False
    flag.set()
    ours.send("go on")
    assert ours.recv() is True
    ours.send("go on")
    worker.join()
    assert worker.exitcode == 0
    for link in (ours, theirs):
        link.close()


KILLED_WHILE_ASKING = """
import os, signal, sys, time
from torch.utils.data import Dataset
from penstock.loaders import DataLoader

class KilledWhileAsking(Dataset):
    def __init__(self, moment):
        self.left = moment
    def __len__(self):
        return 100
    def __getitem__(self, index):
        if index == 0:
            sys.setprofile(self.count)
        return index
    def count(self, frame, event, arg):
        while frame is not None and frame.f_code.co_name != "is_set":
            frame = frame.f_back
        if frame is not None:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

for moment in range(12):
    batches = iter(DataLoader(KilledWhileAsking(moment), num_workers=2, collate_fn=list))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's would raise wherever we are
    assert batches.engine == "processes"
    while batches._workers[0].is_alive():
        time.sleep(0.01)
    del batches
    print("freed", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked")
def test_an_iterator_is_freed_whose_worker_was_killed_at_any_moment_of_asking() -> None:
    run = start_python("-W", "ignore", "-c", KILLED_WHILE_ASKING)
    out, err = run.communicate(timeout=100)
    assert (run.returncode, out.split(), err) == (0, ["freed"] * 12, "")


KILLED_BEFORE_IT_TAKES_THEM = """
import os, signal
from torch.utils.data import Dataset
from penstock.loaders import DataLoader

class Numbers(Dataset):
    def __len__(self):
        return 100
    def __getitem__(self, index):
        return index

def more_than_a_pipe_holds(samples):
    return bytes(1_000_000)

batches = iter(DataLoader(Numbers(), num_workers=2, collate_fn=more_than_a_pipe_holds))
assert batches.engine == "processes"
next(batches), next(batches)  # both have begun
print(*(worker.pid for worker in batches._workers), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


KILLED_WHILE_THEY_BEGIN = """
import os, signal, time
from torch.utils.data import Dataset
from penstock.loaders import DataLoader

class Numbers(Dataset):
    def __len__(self):
        return 100
    def __getitem__(self, index):
        return index

def wait_for_the_end_of(owner):
    while os.getppid() == owner:
        time.sleep(0.01)

os.register_at_fork(after_in_child=lambda owner=os.getpid(): wait_for_the_end_of(owner))
batches = iter(DataLoader(Numbers(), num_workers=2))
assert batches.engine == "processes"
print(*(worker.pid for worker in batches._workers), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("program", [KILLED_BEFORE_IT_TAKES_THEM, KILLED_WHILE_THEY_BEGIN])
def test_workers_leave_whose_parent_was_killed(program: str) -> None:
    run = start_python("-W", "ignore", "-c", program)
    out, err = run.communicate(timeout=100)
    assert (run.returncode, err) == (-signal.SIGKILL, "")
    workers = [int(number) for number in out.split()]
    assert len(workers) == 2
    wait_until(lambda: not any(is_running(worker) for worker in workers), seconds=60)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"

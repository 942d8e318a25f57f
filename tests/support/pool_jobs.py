"""Jobs for the tests of the worker pool; importable by processes that are spawned."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch.utils.data._utils import worker as torch_worker

from penstock.loaders.pool import Place


class Echo:
    """The result is the payload."""

    worker = -1

    def start(self, worker: int, workers: int, seed: int) -> None:
        self.worker, self.workers, self.seed = worker, workers, seed

    def run(self, payload: Any, place: Place) -> Any:
        place.at("echo", 7)
        return payload

    def describe(self, sample: int) -> str:
        return f"file {sample}.jpg"


class Calls(Echo):
    """The payload is one of the functions below and its arguments."""

    def run(self, payload: tuple[Callable[..., Any], ...], place: Place) -> Any:
        function, *arguments = payload
        return function(self, place, *arguments)


class BadStart(Echo):
    def start(self, worker: int, workers: int, seed: int) -> None:
        raise ValueError(f"worker {worker} can't start: {workers}, {seed}")


class Collating(Echo):
    """Collates as torch's workers do; the payload is the fill value of the batch."""

    kept: torch.Tensor | None = None

    def start(self, worker: int, workers: int, seed: int) -> None:
        super().start(worker, workers, seed)
        info = torch_worker.WorkerInfo(id=worker, num_workers=workers, seed=seed, dataset=None)  # type: ignore[no-untyped-call]
        torch_worker._worker_info = info

    def run(self, payload: float, place: Place) -> Any:
        sample = torch.full((3, 64, 64), float(payload)), torch.tensor(payload)
        batch = torch.utils.data.default_collate([sample] * 4)
        place.at("collate")
        return batch


class Hoarding(Collating):
    """Keeps its first batch, and returns it again and again, with a new one."""

    def run(self, payload: float, place: Place) -> Any:
        batch = super().run(payload, place)
        if self.kept is None:
            self.kept = batch[0]
        return self.kept, batch[0]


class Fragile(Echo):
    """Dies of some tasks, once each: the payload says of which file it dies, if that is not there yet."""

    def run(self, payload: tuple[str, Any], place: Place) -> Any:
        path, value = payload
        place.at("sample", 3)
        if path and not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), 9)
        return value, torch.full((20_000,), float(value))


class PickyError(Exception):
    """Can be pickled, but not unpickled."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class LocalError(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("not this one")


class RichError(ValueError):
    """Has attributes."""

    code = 0


def who(job: Echo, _place: Place) -> tuple[int, int, int, int, int]:
    return job.worker, job.workers, job.seed, os.getpid(), torch.get_num_threads()


def give(_job: Echo, _: Place, value: Any) -> Any:
    return value


def sleep(_job: Echo, place: Place, seconds: float) -> str:
    place.at("sample", 5)
    time.sleep(seconds)
    return "slept"


def step(_job: Echo, place: Place, count: int, seconds: float) -> float:
    """Goes from sample to sample; for how long it was at one of them, at most."""
    longest, before = 0.0, time.monotonic()
    for sample in range(count):
        place.at("sample", sample)
        time.sleep(seconds)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
    return longest


def sleep_deaf(job: Echo, place: Place, seconds: float) -> str:
    """Sleeps, and does not end when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return sleep(job, place, seconds)


def wait_for(_job: Echo, place: Place, path: str) -> str:
    place.at("sample", 5)
    Path(path + ".begun").touch()
    while not Path(path).exists():
        time.sleep(0.01)
    return "seen"


def die(_job: Echo, place: Place, signal_number: int) -> None:
    place.at("sample", 11)
    faulthandler.disable()  # pytest's, which would print
    os.kill(os.getpid(), signal_number)
    time.sleep(10)


def leave(_job: Echo, place: Place, code: int) -> None:
    place.at("collate")
    os._exit(code)


def leave_by(_job: Echo, place: Place, end: BaseException) -> None:
    place.at("sample", 11)
    raise end


def hang_up(_job: Echo, place: Place) -> None:
    """Ends the connection to the parent, and lives on."""
    place.at("sample", 12)
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as link:
            if link.type == socket.SOCK_SEQPACKET:
                link.shutdown(socket.SHUT_RDWR)
    time.sleep(10)


def fail(_job: Echo, _place: Place, kind: str) -> None:
    if kind == "rich":
        error = RichError("rich")
        error.code = 17
        raise error
    if kind == "chained":
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    raise {"picky": PickyError(1, 2), "local": LocalError("local"), "stop": StopIteration()}[kind]


def unpicklable(_job: Echo, _place: Place) -> Any:
    return lambda: 0


def non_leaf(_job: Echo, _place: Place) -> Any:
    return torch.ones(3, requires_grad=True) * 2


def limit_files(_job: Echo, _place: Place, size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def zeros(_job: Echo, _place: Place, *shape: int) -> torch.Tensor:
    return torch.zeros(shape)


def spawn_grandchild(_job: Echo, _place: Place) -> int:
    """Leaves a process behind that inherits all descriptors; somebody must end it."""
    pid = os.fork()
    if pid == 0:
        time.sleep(100)
        os._exit(0)
    return pid

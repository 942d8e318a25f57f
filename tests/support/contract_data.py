"""Datasets, samplers and callables of the contract's scenarios; importable, so that spawned workers find them."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, Sampler, get_worker_info

Pair = namedtuple("Pair", ["number", "text"])


class Squares(Dataset[Any]):
    """Sample i is (i, i * i) as tensor and int."""

    def __init__(self, size: int = 10) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        return torch.tensor([int(index)]), int(index) ** 2


class Bulk(Squares):
    """Gives whole batches at a time, and says so in its samples."""

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [(torch.tensor([index]), -index) for index in indices]


class Stream(IterableDataset[int]):
    """0, 1, 2 ... in every worker."""

    def __init__(self, size: int = 10) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size))


class SizedStream(Stream):
    """A stream that has a length, which may be wrong."""

    def __init__(self, size: int = 10, said: int | None = None) -> None:
        super().__init__(size)
        self.said = size if said is None else said

    def __len__(self) -> int:
        return self.said


class Sharded(Stream):
    """Each worker gives its share; the first one the most."""

    def __iter__(self) -> Iterator[int]:
        worker = get_worker_info()
        if worker is None:
            return iter(range(self.size))
        return iter(range(worker.id, self.size // (worker.id + 1), worker.num_workers))


class OneShot(IterableDataset[int]):
    """Its own iterator: a second pass has nothing left."""

    def __init__(self, size: int = 5) -> None:
        self.left = size

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if self.left == 0:
            raise StopIteration
        self.left -= 1
        return self.left


class Draws(Dataset[Any]):
    """What each library's global generator gives."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return torch.rand(()).item(), float(np.random.rand()), random.random(), torch.initial_seed()


class AboutWorker(Squares):
    """What `get_worker_info` says in the process that makes the sample."""

    def __init__(self, size: int = 8) -> None:
        super().__init__(size)
        self.marked: Any = None

    def __getitem__(self, index: Any) -> Any:
        info = get_worker_info()
        if info is None:
            return index, None, None, None, self.marked
        own = info.dataset is self and info.worker_method == "multiprocessing"
        return index, info.id, info.num_workers, info.seed - torch.initial_seed(), (self.marked, own)


class Slow(Squares):
    """One sample takes a while."""

    def __init__(self, slow: int, seconds: float, size: int = 8) -> None:
        super().__init__(size)
        self.slow, self.seconds = slow, seconds

    def __getitem__(self, index: Any) -> Any:
        if index == self.slow:
            time.sleep(self.seconds)
        return index


class Held(Squares):
    """The first sample takes until a file is there."""

    def __init__(self, until: Path, size: int = 8) -> None:
        super().__init__(size)
        self.until = until

    def __getitem__(self, index: Any) -> Any:
        while index == 0 and not self.until.exists():
            time.sleep(0.01)
        return index


class Deadly(Squares):
    """One sample kills the process that makes it."""

    def __init__(self, deadly: int, size: int = 8) -> None:
        super().__init__(size)
        self.deadly = deadly

    def __getitem__(self, index: Any) -> Any:
        if index == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


class DemandingError(Exception):
    """An exception that can't be made from a message alone."""

    def __init__(self, first: int, second: str) -> None:
        super().__init__(f"{first} and {second}")


class KeywordError(Exception):
    """An exception that takes keywords only."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")


FAILURES: dict[str, Exception] = {
    "value": ValueError("no such value"),
    "key": KeyError("a key\nof two lines"),
    "index": IndexError("far out"),
    "type": TypeError("not that type"),
    "stop": StopIteration("early"),
    "arguments": DemandingError(3, "four"),
    "keywords": KeywordError(code=7),
    "system": OSError(2, "no such thing"),
    "unicode": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no start"),
}


class Failing(Squares):
    """One sample raises."""

    def __init__(self, failure: str, at: int = 3) -> None:
        super().__init__()
        self.failure, self.at = failure, at

    def __getitem__(self, index: Any) -> Any:
        if index == self.at:
            raise FAILURES[self.failure]
        return super().__getitem__(index)


class FailingStream(Stream):
    """Raises at its third sample, and at once if `at` is 0."""

    def __init__(self, at: int = 3) -> None:
        super().__init__()
        self.at = at

    def __iter__(self) -> Iterator[int]:
        if self.at == 0:
            raise ValueError("no beginning")
        return self._numbers()

    def _numbers(self) -> Iterator[int]:
        for number in range(self.size):
            if number == self.at:
                raise ValueError("no further")
            yield number


class Unsized(Sampler[int]):
    """A sampler without a length."""

    def __init__(self, indices: Any = (4, 2, 0)) -> None:
        self.indices = indices

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)


class Sized(Unsized):
    """A sampler with a length."""

    def __len__(self) -> int:
        return len(self.indices)


class Pinnable:
    """A batch that knows how it is pinned."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples = samples
        self.pinned = False

    def pin_memory(self) -> Pinnable:
        self.pinned = True
        return self


def collate_sum(samples: list[Any]) -> Any:
    """The sum of a list of numbers."""
    return sum(samples)


def collate_badly(samples: list[Any]) -> Any:
    """Fails."""
    raise ValueError(f"cannot collate {len(samples)}")


def collate_into_a_ring(samples: list[Any]) -> Any:
    """A list that is its own last item."""
    samples.append(samples)
    return samples


def mark(worker: int) -> None:
    """A worker_init_fn: leaves the worker's id on the dataset of this process."""
    info = get_worker_info()
    if info is None:
        raise RuntimeError("worker_init_fn runs in workers")
    info.dataset.marked = worker  # type: ignore[attr-defined]


def seed_alike(worker: int) -> None:  # noqa: ARG001 (the interface's)
    """A worker_init_fn: the same seed in every worker."""
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)


def fail_to_start(worker: int) -> None:
    """A worker_init_fn that fails."""
    raise ValueError(f"worker {worker} does not start")

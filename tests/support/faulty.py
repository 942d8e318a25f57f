"""Datasets that kill their worker, hang or fail; importable by spawned workers."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from support.randomness import Draws
from torch.utils.data import IterableDataset, get_worker_info


def die(how: str) -> None:
    """Ends this process, without a word."""
    faulthandler.disable()
    if how == "SIGSEGV":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(3)
    else:
        os.kill(os.getpid(), signal.Signals[how])


def once(marker: Path) -> bool:
    """Whether this is the first call with this file, in any process."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Dying(Draws):
    """Samples that draw; some kill the process that makes them.

    Args:
        size: of the dataset.
        deaths: sample -> how.
        folder: where it is noted that a sample has killed, so that it does so once; None: always.
        bad: samples that can't be made.
    """

    def __init__(
        self, size: int, deaths: dict[int, str], folder: Path | None = None, bad: tuple[int, ...] = ()
    ) -> None:
        super().__init__(size)
        self.deaths = deaths
        self.folder = folder
        self.bad = bad

    def __getitem__(self, index: int) -> torch.Tensor:
        sample = super().__getitem__(index)
        how = self.deaths.get(int(index))
        if how is not None and (self.folder is None or once(self.folder / str(int(index)))):
            die(how)
        if index in self.bad:
            raise ValueError(f"sample {index} is broken")
        return sample


class Hanging(torch.utils.data.Dataset[int]):
    """Samples are their indices; one takes very long.

    Args:
        size: of the dataset.
        slow: the sample.
        until: a file: it takes until that is there.
    """

    def __init__(self, size: int, slow: int, until: Path) -> None:
        self.size = size
        self.slow = slow
        self.until = until

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        while index == self.slow and not self.until.exists():
            time.sleep(0.01)
        return index

    def describe(self, index: int) -> str:
        return f"file {index}.jpg"


class Shards(IterableDataset[int]):
    """Shard s gives 100 * s, 100 * s + 1 ...; each worker has its share of the shards, and a state.

    Args:
        sizes: of the shards.
        deaths, folder: as in `Dying`, by what would be given.
        bad: in place of these, once each, an error is raised.
    """

    def __init__(
        self,
        sizes: list[int],
        deaths: dict[int, str] | None = None,
        folder: Path | None = None,
        bad: tuple[int, ...] = (),
    ) -> None:
        self.sizes = sizes
        self.deaths = deaths or {}
        self.folder = folder
        self.bad = bad
        self.state = {"turn": 0, "at": 0}

    def __iter__(self) -> Iterator[int]:
        return _ShardsIterator(self)

    def state_dict(self) -> dict[str, int]:
        return dict(self.state)

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.state = dict(state)


class _ShardsIterator(Iterator[int]):
    def __init__(self, dataset: Shards) -> None:
        self.dataset = dataset
        info = get_worker_info()
        number, count = (0, 1) if info is None else (info.id, info.num_workers)
        self.shards = range(number, len(dataset.sizes), count)

    def __next__(self) -> int:
        dataset, state = self.dataset, self.dataset.state
        while state["turn"] < len(self.shards):
            shard = self.shards[state["turn"]]
            if state["at"] < dataset.sizes[shard]:
                state["at"] += 1
                return self._given(100 * shard + state["at"] - 1)
            state["turn"] += 1
            state["at"] = 0
        dataset.state = {"turn": 0, "at": 0}
        raise StopIteration

    def _given(self, number: int) -> int:
        dataset = self.dataset
        how = dataset.deaths.get(number)
        if how is not None and (dataset.folder is None or once(dataset.folder / str(number))):
            die(how)
        if number in dataset.bad:
            raise ValueError(f"number {number} is broken")
        return number


def stateless(sizes: list[int]) -> Any:
    """The same numbers from a dataset without a state."""
    return _Stateless(sizes)


class _Stateless(IterableDataset[int]):
    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes

    def __iter__(self) -> Iterator[int]:
        return iter(list(Shards(self.sizes)))

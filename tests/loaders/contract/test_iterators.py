"""Iterators and loaders as objects: several at once, left early, copied, forked, in threads, profiled."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.utils.data
from support.contract import agreed, refused, same
from support.contract_data import Draws, OneShot, Squares, Stream
from support.loading import settles
from torch.utils.data.dataloader import (
    _BaseDataLoaderIter,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)

from penstock.loaders import DataLoader


@pytest.mark.parametrize(("workers", "kind"), [(0, _SingleProcessDataLoaderIter), (1, _MultiProcessingDataLoaderIter)])
def test_iterators_are_torchs(workers: int, kind: type[Any]) -> None:
    iterator = iter(DataLoader(Squares(), num_workers=workers))
    assert isinstance(iterator, kind)
    assert isinstance(iterator, _BaseDataLoaderIter)
    assert iter(iterator) is iterator


@pytest.mark.parametrize("workers", [0, 1])
def test_two_iterators_at_once(workers: int) -> None:
    def interleaved(cls: Any) -> Any:
        loader = cls(Squares(), 3, shuffle=True, num_workers=workers)
        first, second = iter(loader), iter(loader)
        seen = [next(first), next(second), next(first), next(second)]
        return first is second, [*seen, *first, *second]

    assert not agreed(interleaved)[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_within_itself(workers: int) -> None:
    def pairs(cls: Any) -> Any:
        loader = cls(range(3), batch_size=None, num_workers=workers)
        return [(a, b) for a in loader for b in loader]

    assert len(agreed(pairs)) == 9


@pytest.mark.parametrize("workers", [0, 2])
def test_leaving_early_and_beginning_anew(workers: int) -> None:
    def passes(cls: Any) -> Any:
        loader = cls(Squares(), 2, shuffle=True, num_workers=workers)
        seen = []
        for _ in range(3):
            for batch in loader:
                seen.append(batch)
                break
        return seen, list(loader)

    agreed(passes)


@pytest.mark.parametrize("workers", [0, 1])
def test_after_the_end_there_is_nothing_more(workers: int) -> None:
    def ends(cls: Any) -> Any:
        iterator = iter(cls(Squares(4), 3, num_workers=workers))
        return len(list(iterator)), list(iterator), next(iterator, "end")

    assert agreed(ends) == (2, [], "end")


def test_a_stream_is_opened_by_iter_and_not_by_the_loader() -> None:
    def opened(cls: Any) -> Any:
        dataset = OneShot(4)
        loader = cls(dataset, batch_size=None)
        iterator = iter(loader)
        before = dataset.left
        next(iterator)
        return before, dataset.left

    assert agreed(opened) == (4, 3)


def test_conversions() -> None:
    for kind in (list, tuple, lambda loader: dict(enumerate(loader)), lambda loader: [*zip(loader, loader)]):  # noqa: B905
        agreed(lambda cls, kind=kind: kind(cls(Squares(), 4)))
    agreed(lambda cls: 3 in cls(range(5), batch_size=None))
    assert agreed(lambda cls: bool(cls(Squares(0)))) is False
    assert agreed(lambda cls: bool(cls(Squares(1)))) is True


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_copies_of_loaders(copied: Any, workers: int) -> None:
    def twins(cls: Any) -> Any:
        loader = cls(Squares(), 3, shuffle=True, num_workers=workers, worker_init_fn=None)
        twin = copied(loader)
        return type(twin) is cls, list(loader), list(twin), list(twin)

    agreed(twins)


def test_a_copy_is_as_fixed_as_the_original() -> None:
    refused(lambda cls: setattr(copy.deepcopy(cls(Squares())), "batch_size", 3), ValueError, "should not be set")


@pytest.mark.parametrize("workers", [0, 1])
def test_iterators_can_not_be_copied(workers: int) -> None:
    for copied in (pickle.dumps, copy.deepcopy):
        for cls in (torch.utils.data.DataLoader, DataLoader):
            with pytest.raises(NotImplementedError, match="cannot be pickled"):
                copied(iter(cls(Squares(), num_workers=workers)))


def test_generators_can_be_copied_as_in_torch() -> None:
    def shuffled(cls: Any) -> Any:
        loader = cls(Squares(), 4, shuffle=True, generator=torch.Generator().manual_seed(2))
        twin = copy.deepcopy(loader)
        return list(loader), list(twin)

    first, second = agreed(shuffled)
    assert same(first, second)


@pytest.mark.parametrize("workers", [0, 1])
def test_in_another_thread(workers: int) -> None:
    def threaded(cls: Any) -> Any:
        seen: list[Any] = []
        thread = threading.Thread(target=lambda: seen.extend(cls(Squares(), 4, shuffle=True, num_workers=workers)))
        thread.start()
        thread.join()
        return seen

    assert len(agreed(threaded)) == 3


def test_made_here_and_read_in_another_thread() -> None:
    def threaded(cls: Any) -> Any:
        iterator = iter(cls(Squares(), 4, num_workers=1))
        seen = [next(iterator)]
        thread = threading.Thread(target=lambda: seen.extend(iterator))
        thread.start()
        thread.join()
        return seen

    assert len(agreed(threaded)) == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_in_a_forked_child(workers: int) -> None:
    def forked(cls: Any) -> Any:
        loader = cls(range(10), 4, shuffle=True, num_workers=workers)
        here = [batch.tolist() for batch in loader]
        receiving, sending = multiprocessing.get_context("fork").Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(
            target=lambda: sending.send([batch.tolist() for batch in loader])
        )
        child.start()
        there = receiving.recv()
        child.join()
        return here, there, child.exitcode

    assert agreed(forked)[2] == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_the_profilers_records(workers: int) -> None:
    def recorded(cls: Any) -> Any:
        loader = cls(Squares(6), 2, num_workers=workers)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            list(loader)
        return {event.key: event.count for event in profile.key_averages() if "DataLoader" in event.key}

    kind = "_MultiProcessingDataLoaderIter" if workers else "_SingleProcessDataLoaderIter"
    assert agreed(recorded) == {f"enumerate(DataLoader)#{kind}.__next__": 4}


def test_generators_are_left_alone_between_passes() -> None:
    def drawn(cls: Any) -> Any:
        loader = cls(Draws(), 3, shuffle=True)
        first = torch.rand(2)
        for _ in loader:
            break
        return first, torch.rand(2), len(loader), torch.rand(2)

    agreed(drawn)


def test_nothing_is_left_behind() -> None:
    def leftovers() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd")) + threading.active_count() + len(multiprocessing.active_children())

    def run() -> None:
        loader: DataLoader[Any] = DataLoader(Squares(40), 4, num_workers=2)
        list(loader)
        next(iter(loader))
        next(iter(DataLoader(Stream(40), 4, num_workers=2, persistent_workers=True)))

    run()  # what torch starts once for the whole process
    before, segments = leftovers(), set(Path("/dev/shm").glob("torch_*"))
    run()
    assert settles(lambda: leftovers() <= before)
    assert settles(lambda: not set(Path("/dev/shm").glob(f"torch_{os.getpid()}_*")) - segments)

"""Samplers and batch samplers of every kind: the same indices in the same order, from the same random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support.contract import agree, agreed, refused
from support.contract_data import Sized, Squares, Unsized
from torch.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(9)


SAMPLERS: dict[str, Any] = {
    "sequential": lambda: SequentialSampler(range(10)),
    "random": lambda: RandomSampler(range(10)),
    "random with its own generator": lambda: RandomSampler(range(10), generator=generator()),
    "with replacement": lambda: RandomSampler(range(10), replacement=True, num_samples=17),
    "a few": lambda: RandomSampler(range(10), num_samples=4),
    "more than there are": lambda: RandomSampler(range(10), num_samples=23),
    "weighted": lambda: WeightedRandomSampler([0.1, 0.9, 0.0, 3.0], 12),
    "weighted without replacement": lambda: WeightedRandomSampler([0.1, 0.9, 1.0, 3.0], 3, replacement=False),
    "subset": lambda: SubsetRandomSampler([1, 5, 9]),
    "distributed": lambda: DistributedSampler(range(10), 3, 2),
    "distributed in order, without the tail": lambda: DistributedSampler(
        range(10), 3, 0, shuffle=False, drop_last=True
    ),
    "own, with length": lambda: Sized((3, 3, 1)),
    "own, without length": Unsized,
    "list": lambda: [5, 2, 2],
    "range": lambda: range(9, 0, -2),
    "tensor": lambda: torch.tensor([4, 0, 7]),
    "array": lambda: np.array([4, 0, 7]),
    "negative": lambda: [-1, -10, 3],
    "empty": lambda: [],
    "keys": {"a": 1, 3: 2}.values,
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name: str, batch_size: int | None, workers: int) -> None:
    def passes(cls: Any) -> Any:
        sampler = SAMPLERS[name]()
        loader = cls([*range(100, 110)], batch_size, sampler=sampler, num_workers=workers)
        return loader.sampler is sampler, list(loader), list(loader)

    agreed(passes)


@pytest.mark.parametrize("name", SAMPLERS)
def test_lengths_and_shorter_last_batches(name: str) -> None:
    for drop_last in (False, True):
        agree(lambda cls, d=drop_last: len(cls(Squares(), 2, sampler=SAMPLERS[name](), drop_last=d)))
        agreed(lambda cls, d=drop_last: list(cls(Squares(), 2, sampler=SAMPLERS[name](), drop_last=d)))


BATCHES: dict[str, Any] = {
    "of a sampler": lambda: BatchSampler(RandomSampler(range(10)), 4, False),
    "without the last": lambda: BatchSampler(SequentialSampler(range(10)), 4, True),
    "of another length each": lambda: [[1], [2, 3, 4], [], [5]],
    "tuples": lambda: [(1, 2), (3, 4, 5)],
    "tensors": lambda: torch.arange(8).reshape(2, 4),
    "arrays": lambda: np.arange(8).reshape(2, 4),
    "generator": lambda: (pair for pair in ([0, 1], [2, 3])),
    "own, without length": lambda: Unsized(([7, 8], [1])),
    "none": lambda: [],
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", BATCHES)
def test_batch_samplers(name: str, workers: int) -> None:
    def passes(cls: Any) -> Any:
        given = BATCHES[name]()
        loader = cls([*range(100, 110)], batch_sampler=given, collate_fn=list, num_workers=workers)
        return loader.batch_sampler is given, loader.batch_size, loader.drop_last, list(loader), list(loader)

    agreed(passes)


def test_default_samplers() -> None:
    for arguments in ({}, {"shuffle": True}, {"batch_size": None}, {"batch_size": 4, "drop_last": True}):

        def kinds(cls: Any, arguments: dict[str, Any] = arguments) -> Any:
            loader = cls(Squares(), **arguments)
            sampler, batches = loader.sampler, loader.batch_sampler
            own = (type(sampler), sampler.data_source is loader.dataset, getattr(sampler, "generator", None))
            return own, type(batches), batches is None or (batches.sampler is sampler, batches.batch_size)

        agreed(kinds)


def test_shuffling_uses_the_loaders_generator() -> None:
    def reproducible(cls: Any) -> Any:
        loader = cls(Squares(), 4, shuffle=True, generator=generator())
        return loader.sampler.generator is loader.generator, list(loader), list(loader)

    (_, first, second) = agreed(reproducible)
    assert not all(map(torch.equal, [batch[0] for batch in first], [batch[0] for batch in second]))


def test_a_sampler_of_slices_or_lists_reads_in_bulk() -> None:
    data = np.arange(40).reshape(10, 4)
    agreed(lambda cls: list(cls(data, batch_size=None, sampler=[[1, 2], [5]])))
    agreed(lambda cls: list(cls(data, batch_size=None, sampler=[slice(0, 3), slice(8, 20)])))
    agreed(lambda cls: list(cls(data, batch_size=None, sampler=BatchSampler(range(10), 4, False))))
    agreed(lambda cls: list(cls({"a": 1, "b": 2}, batch_size=None, sampler=["b", "a"])))
    agreed(lambda cls: list(cls({"a": 1, "b": 2}, 2, sampler=["b", "a"])))


def test_indices_arrive_as_the_sampler_gave_them() -> None:
    class Kind(Squares):
        def __getitem__(self, index: Any) -> str:
            return f"{type(index).__name__} {index}"

    for sampler in ([True, 1], [np.int32(4)], [torch.tensor(2)], [1.5, "x", None, (1, 2)]):
        agreed(lambda cls, s=sampler: list(cls(Kind(), 3, sampler=s)))
        agreed(lambda cls, s=sampler: list(cls(Kind(), batch_size=None, sampler=s)))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sampler_that_fails(workers: int) -> None:
    class Breaking(Sized):
        def __iter__(self) -> Iterator[int]:
            yield 1
            yield 2
            raise RuntimeError("no more indices")

    class Unopened(Sized):
        def __iter__(self) -> Iterator[int]:
            raise RuntimeError("no indices at all")

    def steps(cls: Any, sampler: Any) -> Any:
        loader = cls(Squares(), 2, sampler=sampler, num_workers=workers)
        iterator = iter(loader)
        return next(iterator), next(iterator)

    refused(lambda cls: steps(cls, Breaking()), RuntimeError, "no more indices")
    refused(lambda cls: steps(cls, Unopened()), RuntimeError, "no indices at all")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_index_that_is_not_there(workers: int) -> None:
    refused(lambda cls: list(cls([1, 2], sampler=[0, 7], num_workers=workers)), IndexError, "out of range")
    refused(lambda cls: list(cls({"a": 1}, sampler=["b"], num_workers=workers)), KeyError, "b")


def test_something_that_is_no_sampler_at_all() -> None:
    for bad in (3, object()):
        agree(lambda cls, b=bad: list(cls(Squares(), sampler=b)) and None)
        agree(lambda cls, b=bad: list(cls(Squares(), batch_sampler=b)) and None)
    agree(lambda cls: list(cls(Squares(), batch_sampler=[1, 2])))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_sampler_is_asked_anew_each_pass_and_may_change(workers: int) -> None:
    def passes(cls: Any) -> Any:
        indices = [1, 2]
        loader = cls(range(10), 2, sampler=indices, num_workers=workers)
        seen = [list(loader)]
        indices.append(7)
        return [*seen, len(loader), list(loader)]

    agreed(passes)


@pytest.mark.parametrize("workers", [1, 2])
def test_how_far_ahead_workers_ask_the_sampler(workers: int) -> None:
    def asked(cls: Any) -> Any:
        given: list[int] = []

        class Recording(Sized):
            def __iter__(self) -> Iterator[int]:
                for index in range(10):
                    given.append(index)
                    yield index

        counts = []
        for factor in (None, 1, 3):
            given.clear()
            iterator = iter(cls(range(10), sampler=Recording(), num_workers=workers, prefetch_factor=factor))
            counts.append(len(given))
            next(iterator)
            counts.append(len(given))
        return counts

    assert agreed(asked) == [2 * workers, 2 * workers + 1, workers, workers + 1, 3 * workers, 3 * workers + 1]


def test_epochs_of_a_distributed_sampler() -> None:
    def epochs(cls: Any) -> Any:
        sampler: Any = DistributedSampler(range(10), 2, 1, seed=4)
        loader = cls(range(10), 2, sampler=sampler)
        seen = []
        for epoch in (0, 1, 0):
            sampler.set_epoch(epoch)
            seen.append(list(loader))
        return seen

    first, second, again = agreed(epochs)
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, second))

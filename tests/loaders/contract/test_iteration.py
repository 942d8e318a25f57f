"""Map-style and iterable datasets, batched and not: the same samples, batches, lengths and warnings as torch's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from support.contract import agree, agreed, refused
from support.contract_data import Bulk, Draws, OneShot, Sharded, SizedStream, Squares, Stream, Unsized, collate_sum
from support.identifiers import described
from torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.datapipes.map import SequenceWrapper

MAP_STYLE: dict[str, Any] = {
    "dataset": Squares(),
    "bulk": Bulk(),
    "list": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3],
    "string": "penstock!!",
    "range": range(10),
    "array": np.arange(20.0).reshape(10, 2),
    "tensor": torch.arange(20).reshape(10, 2),
    "tensors": TensorDataset(torch.arange(10), torch.arange(10.0)),
    "subset": Subset(Bulk(), [7, 1, 3, 3, 0]),
    "split": random_split(range(10), [4, 6], torch.Generator().manual_seed(2))[1],
    "concatenated": ConcatDataset([Squares(3), Bulk(4)]),
    "stacked": StackDataset(a=Squares(5), b=list("abcde")),
    "datapipe": SequenceWrapper(list(range(10))),
    "one": [7],
}


@pytest.mark.parametrize("batch_size", [None, 1, 3, 10, 1000])
@pytest.mark.parametrize("name", MAP_STYLE)
def test_map_style_inline(name: str, batch_size: int | None) -> None:
    for shuffle in (None, False, True):
        agreed(lambda cls, s=shuffle: list(cls(MAP_STYLE[name], batch_size, s)))


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("name", MAP_STYLE)
def test_map_style_in_workers(name: str, batch_size: int | None) -> None:
    agreed(lambda cls: list(cls(MAP_STYLE[name], batch_size, shuffle=True, num_workers=2)))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 11])
def test_the_last_batch(batch_size: int, drop_last: bool) -> None:
    def batches(cls: Any) -> Any:
        loader = cls(Squares(), batch_size, drop_last=drop_last)
        return len(loader), list(loader)

    length, seen = agreed(batches)
    assert length == len(seen)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [None, 1, 4, 99])
@pytest.mark.parametrize(
    "dataset", [Stream(), Sharded(), Stream(0), ChainDataset([Stream(3), Stream(4)])], ids=described
)
def test_iterable(dataset: Any, batch_size: int | None, drop_last: bool, workers: int) -> None:
    def batches(cls: Any) -> Any:
        return list(cls(dataset, batch_size, drop_last=drop_last, num_workers=workers))

    if batch_size is None and drop_last:
        refused(batches, ValueError, "mutually exclusive with drop_last")
    else:
        agreed(batches)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_exhausted_stream_stays_exhausted_only_in_this_process(workers: int) -> None:
    def passes(cls: Any) -> Any:
        dataset = OneShot()
        loader = cls(dataset, 2, num_workers=workers)
        return [list(loader), list(loader), dataset.left]

    first, second, left = agreed(passes)
    assert len(first) == 3
    assert (len(second), left) == ((0, 0) if workers == 0 else (3, 5))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_empty_dataset_gives_nothing(workers: int) -> None:
    assert agreed(lambda cls: list(cls(Squares(0), 4, num_workers=workers))) == []
    assert agreed(lambda cls: list(cls([], batch_size=None, num_workers=workers))) == []
    assert agreed(lambda cls: len(cls(Squares(0), 4, num_workers=workers))) == 0


def test_shuffling_nothing() -> None:
    agree(lambda cls: list(cls([], 2, shuffle=True)))


def test_more_workers_than_batches() -> None:
    seen = agree(lambda cls: list(cls(Squares(2), 1, num_workers=4)))
    assert seen.error is None
    assert len(seen.value) == 2


def test_a_dataset_without_length_needs_a_sampler() -> None:
    class Endless(Dataset[int]):
        def __getitem__(self, index: int) -> int:
            return -index

    agree(lambda cls: list(cls(Endless())))
    agree(lambda cls: cls(Endless(), shuffle=True))
    agree(lambda cls: len(cls(Endless(), 2)))
    assert agreed(lambda cls: [b.tolist() for b in cls(Endless(), 2, sampler=[5, 6, 7])]) == [[-5, -6], [-7]]


def test_a_dataset_that_grows_is_seen_at_its_new_length() -> None:
    def grow(cls: Any) -> Any:
        data = [0, 1, 2]
        loaders = [cls(data, 2, shuffle=shuffle) for shuffle in (False, True)]
        data.append(3)
        return [(len(loader), list(loader)) for loader in loaders]

    assert [length for length, _ in agreed(grow)] == [2, 2]


@pytest.mark.parametrize("none", [0, False, None])
def test_getitems_counts_only_where_it_is_callable(none: Any) -> None:
    class Without(Squares):
        __getitems__ = none

    agreed(lambda cls: list(cls(Without(), 4)))


def test_getitems_may_give_another_number_of_samples() -> None:
    class Fewer(Squares):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return indices[1:]

    agreed(lambda cls: list(cls(Fewer(), 4)))
    agreed(lambda cls: list(cls(Fewer(), batch_size=None)))


def test_without_batches_there_is_no_collating_only_converting() -> None:
    samples = [np.float32(1.5), {"a": np.arange(2)}, "text", (1, [2.0]), b"bytes", None]
    agreed(lambda cls: list(cls(samples, batch_size=None)))
    agreed(lambda cls: list(cls(samples, batch_size=None, collate_fn=repr)))
    agreed(lambda cls: cls(samples, batch_size=None).collate_fn.__name__)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_collate_fn_of_ones_own(workers: int) -> None:
    assert agreed(lambda cls: list(cls(range(7), 3, collate_fn=collate_sum, num_workers=workers))) == [3, 12, 6]
    assert agreed(lambda cls: list(cls(Stream(7), 3, collate_fn=collate_sum, num_workers=min(workers, 1)))) == [
        3,
        12,
        6,
    ]


def test_a_collate_fn_can_be_exchanged_later() -> None:
    def exchange(cls: Any) -> Any:
        loader = cls(range(5), 2)
        loader.collate_fn = tuple
        return list(loader)

    assert agreed(exchange) == [(0, 1), (2, 3), (4,)]


@pytest.mark.parametrize("said", [3, 10, 12])
@pytest.mark.parametrize("batch_size", [None, 1, 4])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_streams_length_is_an_estimate_and_exceeding_it_warns(
    said: int, batch_size: int | None, workers: int
) -> None:
    def measured(cls: Any) -> Any:
        loader = cls(SizedStream(10, said), batch_size, num_workers=workers)
        before = list(loader)
        return len(loader), before, list(loader)

    seen = agree(measured)
    assert seen.error is None
    if workers == 0 and batch_size in (None, 1):
        assert bool(seen.warned) == (said == 3)


def test_the_length_of_a_stream_rounds_as_it_drops() -> None:
    for batch_size, drop in itertools.product([None, 1, 3, 20], [False, True]):
        agree(lambda cls, b=batch_size, d=drop: len(cls(SizedStream(10), b, drop_last=d)))
    refused(lambda cls: len(cls(Stream())), TypeError, "has no len()")


def test_the_length_of_an_iterator() -> None:
    agreed(lambda cls: len(iter(cls(Squares(), 3))))
    agreed(lambda cls: len(iter(cls(Squares(), batch_size=None))))
    agreed(lambda cls: len(iter(cls(Squares(), sampler=[1, 2]))))
    refused(lambda cls: len(iter(cls(Stream(), batch_size=None))), TypeError, "has no len()")
    refused(lambda cls: len(cls(Squares(), sampler=Unsized())), TypeError, "has no len()")


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("shuffle", [None, False, True])
def test_datapipes(shuffle: bool | None, workers: int) -> None:
    def batches(cls: Any) -> Any:
        pipe = IterableWrapper(range(12)).shuffle(buffer_size=5).sharding_filter()
        loader = cls(pipe, 4, shuffle=shuffle, num_workers=workers)
        return [list(loader), list(loader)]

    agreed(batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_huge_batch(workers: int) -> None:
    assert len(agreed(lambda cls: list(cls(range(20_000), 100_000, num_workers=workers)))[0]) == 20_000


def test_a_loader_may_be_the_data_of_another() -> None:
    class Nested(IterableDataset[Any]):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __iter__(self) -> Any:
            return iter(self.inner)

    agreed(lambda cls: list(cls(Nested(cls(Squares(), 3)), batch_size=None)))
    agreed(lambda cls: list(cls(Nested(cls(range(8), 2)), batch_size=2, num_workers=1)))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("given", [False, True], ids=["global", "own generator"])
def test_random_numbers_of_samples_and_of_the_loader(given: bool, workers: int) -> None:
    def draws(cls: Any) -> Any:
        generator = torch.Generator().manual_seed(3) if given else None
        loader = cls(Draws(), 2, shuffle=True, num_workers=workers, generator=generator)
        seen = [list(loader), list(loader)]
        return seen, None if generator is None else generator.get_state()

    (first, second), _ = agreed(draws)
    assert not all(map(torch.equal, first[0], second[0]))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_an_iterator_draws_before_its_first_batch(workers: int) -> None:
    for shuffle in (False, True):
        agreed(lambda cls, s=shuffle: [iter(cls(Squares(), shuffle=s, num_workers=workers)), None][1])

"""`state_dict` and `load_state_dict`: what is left of an epoch, at every step and for every kind of order."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loading import PIPELINE, Numbers, Plain, arrays, equal
from torch.utils.data import DistributedSampler, IterableDataset, RandomSampler, WeightedRandomSampler

from penstock.errors import OptionError
from penstock.loaders import DataLoader


def loaded(loader: DataLoader[Any], state: dict[str, Any]) -> DataLoader[Any]:
    loader.load_state_dict(json.loads(json.dumps(state)))
    return loader


def after(loader: DataLoader[Any], batches: int) -> tuple[list[Any], dict[str, Any]]:
    iterator = iter(loader)
    given = [next(iterator) for _ in range(batches)]
    return given, loader.state_dict()


def images(**arguments: Any) -> DataLoader[Any]:
    return DataLoader(arrays(11), 3, shuffle=True, augment=PIPELINE, seed=5, **arguments)


def python(**arguments: Any) -> DataLoader[Any]:
    return DataLoader(Plain(arrays(11)), 3, shuffle=True, augment=PIPELINE, seed=5, **arguments)


@pytest.mark.parametrize("make", [images, python])
@pytest.mark.parametrize("workers", [(0, 2), (2, 0), (1, 2)])
def test_what_is_left_is_equal_at_every_step(make: Any, workers: tuple[int, int]) -> None:
    before, then = workers
    whole = list(make(num_workers=before))
    following = make(num_workers=before)
    following.set_epoch(1)
    next_epoch = list(following)
    for step in range(len(whole) + 1):
        head, state = after(make(num_workers=before), step)
        again = loaded(make(num_workers=then), state)
        assert equal(head + list(again), whole)
        assert equal(list(again), next_epoch)


def test_the_state_is_a_few_integers() -> None:
    _, state = after(images(), 2)
    assert state == {"version": 1, "seed": 5, "size": 11, "shuffle": True, "epoch": 0, "position": 6}


@given(
    size=st.integers(1, 40),
    drop_last=st.booleans(),
    padding=st.sampled_from(["wrap", "none"]),
    worlds=st.lists(st.sampled_from([(1, 4), (2, 2), (4, 1)]), min_size=1, max_size=4),
    data=st.data(),
)
@settings(deadline=None)
def test_other_worlds_go_on_with_the_same_global_batches(
    size: int, drop_last: bool, padding: Any, worlds: list[tuple[int, int]], data: st.DataObject
) -> None:
    def ranks(world_size: int, batch_size: int) -> list[DataLoader[Any]]:
        return [
            DataLoader(
                Numbers(size), batch_size, shuffle=True, seed=3, rank=rank, world_size=world_size, padding=padding,
                drop_last=drop_last,
            )
            for rank in range(world_size)
        ]  # fmt: skip

    whole = [batch.tolist() for batch in ranks(1, 4)[0]]
    given, state = [], None
    for number, (world_size, batch_size) in enumerate(worlds):
        loaders = ranks(world_size, batch_size)
        for loader in loaders:
            if state is not None:
                loader.load_state_dict(state)
        left = len(whole) - len(given)
        steps = left if number == len(worlds) - 1 else data.draw(st.integers(0, left))
        iterators = [iter(loader) for loader in loaders]
        for _ in range(steps):
            parts = [next(iterator, torch.empty(0, dtype=torch.int64)).tolist() for iterator in iterators]
            given.append([index for part in parts for index in part])
        states = [loader.state_dict() for loader in loaders]
        state = states[0]
        assert all(other["position"] == state["position"] for other in states) or padding == "none"
    expected = [batch[: len(found)] for batch, found in zip(whole, given, strict=True)]
    padded = [found[: len(batch)] for batch, found in zip(whole, given, strict=True)]
    assert padded == whole if padding == "wrap" else expected == given


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "kind", ["shuffle", "sequential", "replacement", "weighted", "generator", "own", "distributed"]
)
def test_torchs_samplers_go_on_where_they_were(kind: str, workers: int) -> None:
    def make() -> DataLoader[Any]:
        data = Numbers(13)
        arguments: dict[str, Any] = {}
        if kind == "shuffle":
            arguments["shuffle"] = True
        elif kind == "replacement":
            arguments["sampler"] = RandomSampler(data, replacement=True, num_samples=40)
        elif kind == "weighted":
            arguments["sampler"] = WeightedRandomSampler(torch.arange(13.0), 20)
        elif kind == "generator":
            arguments |= {"shuffle": True, "generator": torch.Generator().manual_seed(4)}
        elif kind == "own":
            arguments["sampler"] = RandomSampler(data, generator=torch.Generator().manual_seed(4))
        elif kind == "distributed":
            arguments["sampler"] = DistributedSampler(data, 2, 1, seed=8)
        loader: DataLoader[Any] = DataLoader(data, 3, num_workers=workers, **arguments)
        loader.set_epoch(2)
        return loader

    for step in range(len(make()) + 1):
        torch.manual_seed(step)
        loader = make()
        iterator = iter(loader)
        head = [next(iterator).tolist() for _ in range(step)]
        state = loader.state_dict()
        tail = [batch.tolist() for batch in iterator]
        torch.manual_seed(999)
        again = loaded(make(), state)
        untouched = torch.get_rng_state()
        assert [batch.tolist() for batch in again] == tail
        assert torch.equal(torch.get_rng_state(), untouched)
        assert len(head) == step
        if kind in ("generator", "own"):
            following = [batch.tolist() for batch in loader]
            assert [batch.tolist() for batch in again] == following


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_generator_of_its_own_is_in_the_state_between_epochs(own: bool, epochs: int) -> None:
    def make(seed: int) -> DataLoader[Any]:
        generator = torch.Generator().manual_seed(seed)
        if own:
            return DataLoader(Numbers(13), 3, sampler=RandomSampler(Numbers(13), generator=generator))
        return DataLoader(Numbers(13), 3, shuffle=True, generator=generator)

    loader = make(4)
    for _ in range(epochs):
        list(loader)
    state = loader.state_dict()
    again = loaded(make(5), state)
    for _ in range(2):
        assert [batch.tolist() for batch in again] == [batch.tolist() for batch in loader]
    with pytest.raises(OptionError, match="draw from none"):
        iter(loaded(DataLoader(Numbers(13), 3, shuffle=True), state))


def test_augmentations_keyed_by_torchs_base_seed_go_on_too() -> None:
    def make() -> DataLoader[Any]:
        return DataLoader(arrays(11), 3, shuffle=True, augment=PIPELINE)

    loader = make()
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    tail = list(iterator)
    torch.manual_seed(1)
    assert equal(list(loaded(make(), state)), tail)


class Counting(IterableDataset[int]):
    """0, 1, 2 ... with a state that says how far it is."""

    def __init__(self, size: int = 10) -> None:
        self.size = size
        self.at = 0
        self.given = 0

    def __iter__(self) -> Iterator[int]:
        while self.at < self.size:
            self.at += 1
            self.given += 1
            yield self.at - 1
        self.at = 0

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


class Replayed(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(10))


def test_an_iterable_dataset_is_asked_for_its_state() -> None:
    whole = [batch.tolist() for batch in DataLoader(Counting(), 3)]
    for step in range(len(whole) + 1):
        _, state = after(DataLoader(Counting(), 3), step)
        dataset = Counting()
        again = loaded(DataLoader(dataset, 3), state)
        assert [batch.tolist() for batch in again] == whole[step:]
        assert dataset.given == sum(map(len, whole[step:]))
        assert [batch.tolist() for batch in again] == whole


class Keeping(Counting):
    """The same, and a place that was loaded waits for the next iteration to begin."""

    loaded: int | None = None

    def __iter__(self) -> Iterator[int]:
        self.at, self.loaded = self.loaded or 0, None
        while self.at < self.size:
            self.at += 1
            yield self.at - 1

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.loaded = state["at"]


@pytest.mark.parametrize("kind", [Counting, Keeping])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterable_dataset_that_had_ended_begins_anew_in_the_next_epoch(kind: Any, workers: int) -> None:
    def make() -> DataLoader[Any]:
        return DataLoader(kind(), 3, num_workers=workers, persistent_workers=bool(workers))

    whole, state = after(make(), 4)  # the last batch is shorter, so the end was seen
    again = loaded(make(), state)
    assert list(again) == []
    assert [batch.tolist() for batch in again] == [batch.tolist() for batch in whole]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_iterable_dataset_without_a_state_gives_everything_again(workers: int) -> None:
    whole = [batch.tolist() for batch in DataLoader(Replayed(), 3, num_workers=workers)]
    for step in range(len(whole) + 1):
        _, state = after(DataLoader(Replayed(), 3, num_workers=workers), step)
        again = loaded(DataLoader(Replayed(), 3, num_workers=workers), state)
        assert [batch.tolist() for batch in again] == whole[step:]


@pytest.mark.parametrize("workers", [0, 1])
def test_between_epochs_the_state_is_the_next_ones_start(workers: int) -> None:
    loader = images(num_workers=workers)
    fresh = loader.state_dict()
    assert (fresh["epoch"], fresh["position"]) == (0, 0)
    list(loader)
    state = loader.state_dict()
    assert (state["epoch"], state["position"]) == (1, 0)
    assert equal(list(loaded(images(), state)), list(loader))


def test_a_loaded_state_is_there_until_it_is_used() -> None:
    loader = images()
    state = {"version": 1, "seed": 5, "size": 11, "shuffle": True, "epoch": 4, "position": 3}
    loader.load_state_dict(state)
    assert loader.state_dict() == state
    loader.set_epoch(4)
    assert loader.state_dict() == state
    loader.set_epoch(5)
    assert loader.state_dict() == state | {"epoch": 5, "position": 0}


def test_persistent_workers_go_on_too() -> None:
    whole = list(python())
    loader = python(num_workers=2, persistent_workers=True)
    list(loader)
    _, state = after(python(), 2)
    loader.load_state_dict(state)
    assert equal(list(loader), whole[2:])
    del loader


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "reads states of version 1, got version 2"),
        ({"seed": 6}, "taken with seed=6, this loader has seed=5"),
        ({"size": 12}, "taken with size=12, this loader has size=11"),
        ({"shuffle": False}, "taken with shuffle=False, this loader has shuffle=True"),
        ({"position": 12}, "position is an int from 0 to 11, got 12"),
        ({"position": -1}, "position is an int from 0 to 11, got -1"),
        ({"position": 1.5}, "position is an int from 0 to 11, got 1.5"),
        ({"epoch": 2**32}, "epoch is an int from 0 to 4294967295"),
        ({"epoch": "1"}, "epoch is an int from 0"),
    ],
)
def test_a_state_of_another_loader_is_refused(change: dict[str, Any], message: str) -> None:
    _, state = after(images(), 1)
    with pytest.raises(OptionError, match=message):
        images().load_state_dict(state | change)


@pytest.mark.parametrize("make", [images, lambda: DataLoader(Numbers(5), 2), lambda: DataLoader(Numbers(5), 2, seed=0)])
def test_after_the_last_epoch_there_is_none(make: Callable[[], DataLoader[Any]]) -> None:
    loader = make()
    loader.set_epoch(2**32 - 2)
    assert len(list(loader)) == len(loader)
    state = loader.state_dict()
    assert state["epoch"] == 2**32 - 1
    again = make()
    again.load_state_dict(state)
    for ended in (loader, again):
        assert ended.state_dict() == state
        with pytest.raises(OptionError, match=r"epoch 4294967294 was the last one; set_epoch\(0\) begins anew"):
            iter(ended)
    again.set_epoch(0)
    assert equal(list(again), list(make()))


def test_a_sampler_has_no_epoch_after_the_last_one() -> None:
    loader = DataLoader(Numbers(5), 2, seed=0)
    loader.set_epoch(2**32 - 2)
    assert list(loader.sampler) == list(range(5))
    with pytest.raises(OptionError, match="epoch 4294967294 was the last one"):
        list(loader.sampler)


def test_other_weights_are_another_order() -> None:
    def make(first: float) -> DataLoader[Any]:
        return DataLoader(Numbers(4), 2, seed=0, weights=[first, 1.0, 2.0, 3.0])

    state = make(1.0).state_dict()
    make(1.0).load_state_dict(state)
    with pytest.raises(OptionError, match=r"the state was taken with weights=\d+, this loader has weights=\d+"):
        make(0.5).load_state_dict(state)
    with pytest.raises(OptionError, match="which has 'weights'"):
        make(1.0).load_state_dict({key: value for key, value in state.items() if key != "weights"})


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(OptionError, match=r"is the dict that state_dict\(\) gave, got \[1\]"):
        images().load_state_dict([1])  # type: ignore[arg-type]
    torchs = DataLoader(Numbers(5), 2).state_dict()
    with pytest.raises(OptionError, match="a state of a loader in Penstock's own order was expected, which has 'seed'"):
        images().load_state_dict(torchs)
    with pytest.raises(OptionError, match="a state of a loader with torch's samplers was expected"):
        DataLoader(Numbers(5), 2).load_state_dict(images().state_dict())
    with pytest.raises(OptionError, match="taken with batch_size=2, this loader has batch_size=3"):
        DataLoader(Numbers(5), 3).load_state_dict(torchs)


def test_a_damaged_or_foreign_generator_is_refused_when_it_is_used() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(5), 2, shuffle=True)
    next(iter(loader))
    state = loader.state_dict()
    other: DataLoader[Any] = DataLoader(Numbers(5), 2, shuffle=True, generator=torch.Generator())
    with pytest.raises(OptionError, match="samplers draw from default, this one's draw from generator"):
        loaded(other, state)
    damages: list[tuple[dict[str, Any], str]] = [
        ({"generators": {"default": "AAAA"}}, "the state of generator 'default' can't be used"),
        ({"generators": {"default": "?"}}, "the state of generator 'default' can't be used"),
        ({"generators": {"default": 3}}, "the state of generator 'default' can't be used"),
        ({"generators": {}}, "has the generators that its order was drawn from, got {}"),
        ({"generators": None}, "has the generators that its order was drawn from, got None"),
        ({"generators": [1]}, r"has the generators that its order was drawn from, got \[1\]"),
        ({"base_seed": "x"}, "base_seed is an int from 0"),
        ({"base_seed": -1}, "base_seed is an int from 0"),
        ({"sampler_epoch": 0.5}, "sampler_epoch is an int from 0"),
        ({"version": True}, "is the dict that state_dict"),
    ]
    for change, message in damages:
        with pytest.raises(OptionError, match=message):
            loaded(DataLoader(Numbers(5), 2, shuffle=True), state | change)
    without = {key: value for key, value in state.items() if key != "base_seed"}
    with pytest.raises(OptionError, match="has a base_seed, and this one has none: it is damaged"):
        loaded(DataLoader(Numbers(5), 2, shuffle=True), without)


def test_torchs_samplers_go_on_only_with_what_they_drew_from() -> None:
    def state_of(loader: DataLoader[Any]) -> dict[str, Any]:
        next(iter(loader))
        return loader.state_dict()

    shuffled = state_of(DataLoader(Numbers(8), 2, shuffle=True))
    with pytest.raises(OptionError, match=r"sampler='BatchSampler of RandomSampler', this .* of SequentialSampler'"):
        DataLoader(Numbers(8), 2).load_state_dict(shuffled)
    with pytest.raises(OptionError, match="taken with samples=8, this loader has samples=9"):
        DataLoader(Numbers(9), 2, shuffle=True).load_state_dict(shuffled)

    def ranked(ranks: int) -> DataLoader[Any]:
        # As many samples on each rank, whatever their number.
        return DataLoader(Numbers(8), 1, sampler=DistributedSampler(Numbers(4 * ranks), ranks, 0))

    with pytest.raises(OptionError, match="taken with ranks=2, this loader has ranks=4; with seed= and without a samp"):
        ranked(4).load_state_dict(state_of(ranked(2)))
    iterable = state_of(DataLoader(Replayed(), 2))
    with pytest.raises(
        OptionError, match="a state of a loader with torch's samplers was expected, which has 'sampler'"
    ):
        DataLoader(Numbers(8), 2).load_state_dict(iterable)
    with pytest.raises(
        OptionError, match=r"says where each of 1 workers was, got null; did the dataset have state_dict"
    ):
        DataLoader(Counting(), 2).load_state_dict(iterable)


def test_the_epoch_of_a_distributed_sampler_is_in_the_state() -> None:
    def make() -> DataLoader[Any]:
        return DataLoader(Numbers(13), 3, sampler=DistributedSampler(Numbers(13), 2, 1, seed=8))

    loader = make()
    loader.set_epoch(5)
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    assert [batch.tolist() for batch in loaded(make(), state)] == [batch.tolist() for batch in iterator]


@pytest.mark.parametrize(
    "make",
    [
        lambda: DataLoader(Numbers(8), 2, shuffle=True, num_workers=1),
        lambda: images(num_workers=1),
        lambda: images(num_workers=1, engine="python"),
        lambda: DataLoader(Numbers(8), 2),
    ],
)
def test_a_loader_can_be_copied_before_in_and_after_a_pass(make: Any) -> None:
    loader = make()
    iterator = iter(loader)
    next(iterator)
    copies = [pickle.loads(pickle.dumps(loader)), copy.deepcopy(loader)]
    list(iterator)
    copies += [pickle.loads(pickle.dumps(loader)), copy.deepcopy(loader)]
    for other in copies:
        assert len(list(other)) == len(loader)
        assert other.state_dict()["epoch"] == 2
    assert pickle.loads(pickle.dumps(loader.stats())) == loader.stats()


def test_batches_out_of_order_have_no_position() -> None:
    loader: DataLoader[Any] = DataLoader(Numbers(9), 2, num_workers=2, in_order=False)
    next(iter(loader))
    with pytest.raises(OptionError, match=r"nothing exact to say here: with in_order=False"):
        loader.state_dict()

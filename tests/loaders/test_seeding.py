"""Seeding by keys, `rng.current()`, generators' states, words for samples, and odd requests to the fetcher."""

from __future__ import annotations

import random
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.loading import Numbers
from support.randomness import ALL, from_current, states
from torch.utils.data import ConcatDataset, Subset

from penstock import rng
from penstock.errors import OptionError
from penstock.loaders import DataLoader
from penstock.loaders.faults.describing import describe_sample
from penstock.loaders.keys.keys import KeyedIndex, SampleKeys
from penstock.loaders.keys.seeding import collating, keep_generators, seeded
from penstock.loaders.state.generators import restore_generators, save_generators

KEY = KeyedIndex(5, 2**64 - 1, 2**32 - 1, 3)


def drawn(key: KeyedIndex, **arguments: Any) -> list[float]:
    with keep_generators(), seeded(key, **arguments):
        return [source() for source in ALL for _ in range(2)]


@given(
    st.integers(0, 2**62),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**62),
    st.sampled_from(["index", "seed", "epoch", "draw"]),
)
def test_numbers_are_a_function_of_the_whole_key(index: int, seed: int, epoch: int, draw: int, part: str) -> None:
    key = {"index": index, "seed": seed, "epoch": epoch, "draw": draw}
    numbers = drawn(KeyedIndex(**key))
    assert drawn(KeyedIndex(**key)) == numbers
    other = drawn(KeyedIndex(**key | {part: key[part] ^ 1}))
    assert not set(other) & set(numbers)


def test_the_numbers_are_those_of_before() -> None:
    # Written down when this was made: programs rely on a seed from one release to the next.
    parts = rng.words(KEY.seed, KEY.epoch, int(KEY), KEY.draw, 3)
    assert random.Random(parts[0] | parts[1] << 32).random() == drawn(KEY)[0]
    assert float(np.random.RandomState(list(parts)).random_sample()) == drawn(KEY)[2]
    torchs = torch.Generator().manual_seed(parts[2] | parts[3] << 32)
    assert float(torch.rand((), dtype=torch.float64, generator=torchs)) == drawn(KEY)[4]
    bits = np.random.Philox(key=parts[0] | parts[1] << 32 | parts[2] << 64 | parts[3] << 96)
    assert np.random.Generator(bits).random() == drawn(KEY)[6]


def test_samples_and_collating_have_numbers_of_their_own() -> None:
    keys = SampleKeys.of([KEY, KeyedIndex(9, KEY.seed, KEY.epoch, 0)])
    with keep_generators(), collating(keys):
        together = [source() for source in ALL]
    assert not set(together) & set(drawn(KEY))


def test_a_thread_is_seeded_without_the_others() -> None:
    before = states()
    with seeded(KEY, shared=False):
        first = from_current()
    assert states() == before
    assert first == drawn(KEY)[6]


def test_generators_are_put_back_after_an_error() -> None:
    before = states()
    with pytest.raises(ZeroDivisionError), keep_generators(), seeded(KEY):
        1 / 0  # noqa: B018
    assert states() == before


def test_current_is_one_generator_of_each_sample() -> None:
    outside = rng.current()
    assert rng.current() is outside
    with rng.sample_generator(7):
        inside = rng.current()
        assert inside is rng.current()
        assert inside is not outside
        with rng.sample_generator(8):
            assert rng.current().random() == np.random.Generator(np.random.Philox(key=8)).random()
        assert rng.current() is inside
        with rng.sample_generator(None):
            assert rng.current() is inside
    assert rng.current() is outside


def test_current_outside_of_samples_is_not_the_same_twice() -> None:
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(rng.current().random())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*found, rng.current().random()}) == 5


# Words for samples.


def test_samples_are_described_through_subsets_and_concatenations() -> None:
    class Files(Numbers):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.samples = [("cat/1.jpg", 0), ("dog/2.jpg", 1), ("dog/3.jpg", 1)]

    class Named(Numbers):
        def describe(self, index: int) -> str:
            return f"record {index}"

    assert describe_sample(Files(3), 1) == "dog/2.jpg"
    assert describe_sample(Subset(Subset(Files(3), [2, 0]), [1]), 0) == "cat/1.jpg"
    assert describe_sample(Subset(Files(3), torch.tensor([2, 1])), 0) == "dog/3.jpg"  # type: ignore[arg-type]
    both: ConcatDataset[Any] = ConcatDataset([Files(3), Named(2), Numbers(2)])
    assert [describe_sample(both, index) for index in (2, 3, 4, 5)] == [
        "dog/3.jpg",
        "record 0",
        "record 1",
        "Numbers[0]",
    ]
    assert describe_sample(both, -1) == "Numbers[1]"
    assert describe_sample(both, torch.tensor(3)) == "record 0"


def test_describing_never_raises() -> None:
    class Broken(Numbers):
        def describe(self, index: int) -> str:
            raise ValueError(index)

    assert describe_sample(Broken(3), 1) == "Broken[1]"
    assert describe_sample(Numbers(3), "name") == "Numbers['name']"
    assert describe_sample(Subset(Numbers(3), [0]), 7) == "Subset[7]"
    assert describe_sample(Numbers(3), [1, 2]) == "Numbers[[1, 2]]"


# States of generators.


def owner(generator: Any = None, sampler: Any = None) -> Any:
    return SimpleNamespace(generator=generator, sampler=SimpleNamespace(generator=sampler), batch_sampler=None)


def test_states_of_generators_are_put_back() -> None:
    loader = owner(torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))
    saved = save_generators(loader)
    assert sorted(saved) == ["generator", "sampler"]
    numbers = [torch.rand(3, generator=given).tolist() for given in (loader.generator, loader.sampler.generator)]
    restore_generators(loader, saved)
    assert numbers == [
        torch.rand(3, generator=given).tolist() for given in (loader.generator, loader.sampler.generator)
    ]


@pytest.mark.parametrize("state", ["AAAA", "no base64!", 3, ""])
def test_damaged_states_of_generators_are_refused(state: Any) -> None:
    with pytest.raises(OptionError, match="the state of generator 'generator' can't be used: "):
        restore_generators(owner(torch.Generator()), {"generator": state})


def test_states_of_other_generators_are_refused() -> None:
    saved = save_generators(owner(torch.Generator()))
    with pytest.raises(OptionError, match="draw from generator, this one's draw from sampler; give it the same"):
        restore_generators(owner(None, torch.Generator()), saved)
    with pytest.raises(OptionError, match="draw from default, this one's draw from default and sampler"):
        restore_generators(owner(None, torch.Generator()), save_generators(owner()))
    with pytest.raises(OptionError, match=r"has the generators that its order was drawn from, got \{\}: it is damaged"):
        restore_generators(owner(torch.Generator()), {})


# Odd requests.


class Lookup(torch.utils.data.Dataset[Any]):
    """Samples by whatever is asked for."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: Any) -> Any:
        if index in ("bad", [2, 3]):
            raise ValueError(f"{index} is broken")
        return index


@pytest.mark.parametrize("workers", [{}, {"num_workers": 1, "workers": "threads"}])
def test_lists_outside_of_batches(workers: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(
        Lookup(), batch_size=None, sampler=[[0, 1], [2, 3], [4, 5]], on_error="skip", **workers
    )
    iterator = iter(loader)
    assert next(iterator) == [0, 1]
    with pytest.raises(ValueError, match=r"\[2, 3\] is broken") as caught:
        next(iterator)
    assert "while making sample [2, 3]" in "".join(caught.value.__notes__)
    assert next(iterator) == [4, 5]


@pytest.mark.parametrize("workers", [{}, {"num_workers": 1, "workers": "threads"}])
def test_names_as_indices(workers: dict[str, Any]) -> None:
    names = ["a", "bad", "c", "d"]
    loader: DataLoader[Any] = DataLoader(Lookup(), 2, sampler=names, on_error="skip", **workers)
    assert list(loader) == [["a"], ["c", "d"]]


def test_substitutes_need_numbers() -> None:
    loader: DataLoader[Any] = DataLoader(Lookup(), 2, sampler=["a", "bad"], on_error="substitute")
    with pytest.raises(OptionError, match=r"on_error='substitute'.* integer indices, got 'a'"):
        list(loader)


class Raising(Numbers):
    def __init__(self, size: int, error: type[BaseException]) -> None:
        super().__init__(size)
        self.error = error

    def __getitem__(self, index: int) -> int:
        if index == 2:
            raise self.error
        return index


WORKERS: list[dict[str, Any]] = [{}, {"num_workers": 1}, {"num_workers": 1, "workers": "threads"}]


@pytest.mark.parametrize("workers", WORKERS)
def test_stop_iteration_in_a_sample_does_not_end_the_pass(workers: dict[str, Any]) -> None:
    iterator = iter(DataLoader(Raising(6, StopIteration), 2, seed=0, **workers))
    next(iterator)
    with pytest.raises(RuntimeError, match=r"sample 2 .*raised StopIteration"):
        next(iterator)
    assert next(iterator).tolist() == [4, 5]


@pytest.mark.parametrize("workers", [WORKERS[0], WORKERS[2]])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_programs_is_no_bad_sample(error: type[BaseException], workers: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Raising(6, error), 2, seed=0, on_error="skip", **workers)
    iterator = iter(loader)
    next(iterator)
    with pytest.raises(error):
        next(iterator)


def test_a_worker_process_that_exits_in_a_sample_is_a_dead_worker() -> None:
    loader: DataLoader[Any] = DataLoader(Raising(6, SystemExit), 2, seed=0, num_workers=1)
    with pytest.raises(RuntimeError, match=r"exited unexpectedly.*sample 2"):
        list(loader)

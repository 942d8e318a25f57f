"""Keys of samples: from samplers, from Penstock's order, and through pickles."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.loading import Numbers
from torch.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from penstock.errors import OptionError
from penstock.loaders.keys.keying import Keying, OrderKeying, SamplerKeying, visits_once
from penstock.loaders.keys.keys import KeyedIndex, SampleKeys
from penstock.loaders.ordering.order import Order


def keys_of(keying: Keying, sampler: Any) -> list[tuple[int, int, list[int], list[int], bool]]:
    running, found = iter(sampler), []
    while True:
        try:
            request = keying.next(running)
        except StopIteration:
            return found
        keys, single = request.keys, request.single
        assert keys is not None
        found.append((keys.seed, keys.epoch, keys.indices.tolist(), keys.draws.tolist(), single))


@given(st.integers(0, 2**62), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**62))
def test_a_keyed_index_is_its_index_and_survives_pickling(index: int, seed: int, epoch: int, draw: int) -> None:
    keyed = KeyedIndex(index, seed, epoch, draw)
    again = pickle.loads(pickle.dumps(keyed))
    for one in (keyed, again):
        assert one == index
        assert hash(one) == hash(index)
        assert (one.seed, one.epoch, one.draw) == (seed, epoch, draw)
    keys = SampleKeys.of([keyed])
    assert (keys.seed, keys.epoch, keys.indices.tolist(), keys.draws.tolist()) == (seed, epoch, [index], [draw])
    assert [vars(one) for one in keys.keyed()] == [vars(keyed)]


def test_a_sampler_that_visits_once_draws_zero() -> None:
    keying = SamplerKeying(7, 2, 5, once=True)
    assert keys_of(keying, [[3, 1], [4]]) == [(7, 2, [3, 1], [0, 0], False), (7, 2, [4], [0], False)]


def test_any_other_sampler_draws_by_position() -> None:
    keying = SamplerKeying(7, 0, 5, once=False)
    assert keys_of(keying, [[3, 3], (3,), torch.tensor([1, 0])]) == [
        (7, 0, [3, 3], [0, 1], False),
        (7, 0, [3], [2], False),
        (7, 0, [1, 0], [3, 4], False),
    ]


def test_single_indices_come_without_a_batch() -> None:
    keying = SamplerKeying(7, 0, 5, once=False)
    given_indices = [3, np.int64(2), torch.tensor(1), [0, 4]]
    assert [(indices, single) for _, _, indices, _, single in keys_of(keying, given_indices)] == [
        ([3], True),
        ([2], True),
        ([1], True),
        ([0, 4], False),
    ]


def test_negative_indices_count_from_the_end() -> None:
    assert keys_of(SamplerKeying(0, 0, 5, once=True), [[-1, -5, -6]])[0][2] == [4, 0, -6]


def test_indices_that_have_keys_keep_them() -> None:
    keyed = [KeyedIndex(3, 9, 4, 1), KeyedIndex(2, 9, 4, 0)]
    assert keys_of(SamplerKeying(7, 0, 5, once=True), [keyed]) == [(9, 4, [3, 2], [1, 0], False)]


@pytest.mark.parametrize("given_index", ["name", 1.5, None])
def test_indices_that_are_no_ints_are_refused(given_index: Any) -> None:
    with pytest.raises(OptionError, match=f"need samplers that give integer indices, got {given_index!r}"):
        SamplerKeying(7, 0, 5, once=True).next(iter([given_index]))


def test_penstocks_order_gives_its_own_keys() -> None:
    keying = OrderKeying(Order(3, 2, rank=1, world_size=2).epoch(6), 5, 6, single=False)
    assert keys_of(keying, ["never asked"]) == [(5, 6, [2, 0], [0, 3], False)]
    singles = OrderKeying(Order(2, 1).epoch(0), 5, 0, single=True)
    assert keys_of(singles, []) == [(5, 0, [0], [0], True), (5, 0, [1], [0], True)]


class Shuffled(RandomSampler):
    """Might do anything."""


@pytest.mark.parametrize(
    ("sampler", "once"),
    [
        (SequentialSampler(range(5)), True),
        (RandomSampler(range(5)), True),
        (RandomSampler(range(5), num_samples=3), True),
        (RandomSampler(range(5), num_samples=6), False),
        (RandomSampler(range(5), replacement=True), False),
        (Shuffled(range(5)), False),
        (WeightedRandomSampler([1.0, 2.0], 2, replacement=False), False),
        (SubsetRandomSampler([1, 1]), False),
        (DistributedSampler(Numbers(3), num_replicas=2, rank=0), False),
        ([0, 1], False),
    ],
)
def test_which_samplers_visit_once(sampler: Any, once: bool) -> None:
    assert visits_once(sampler) is once
    assert visits_once(BatchSampler(sampler, 2, False)) is once

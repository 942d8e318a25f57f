"""Penstock's order as a torch sampler, as loaders that are built anew around it see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch.utils.data

from penstock.errors import OptionError
from penstock.loaders.keys.keys import KeyedIndex
from penstock.loaders.ordering.order import Order
from penstock.loaders.ordering.sampler import EpochCounter, OrderSampler
from penstock.loaders.ordering.weights import Weights

WEIGHTS = Weights(np.array([1.0, 0.0, 2.0, 3.0]), num_samples=10)


def sampler(dataset: Any, *, place: tuple[int, int] | None = (0, 1), keyed: bool = False) -> OrderSampler:
    return OrderSampler(dataset, Order(0, 4, seed=6, weights=WEIGHTS), EpochCounter(), place=place, keyed=keyed)


def test_an_epoch_is_as_many_draws_as_were_asked_for() -> None:
    weighted = sampler(range(4))
    assert len(weighted) == 10
    assert list(weighted) == WEIGHTS.take(6, 0, 0, 10).tolist()
    assert list(weighted) == WEIGHTS.take(6, 1, 0, 10).tolist()
    weighted.set_epoch(0)
    assert list(weighted) == WEIGHTS.take(6, 0, 0, 10).tolist()


def test_ranks_share_the_draws_out() -> None:
    ranks = [list(sampler(range(4)).over((rank, 2))) for rank in range(2)]
    drawn = WEIGHTS.take(6, 0, 0, 10).tolist()
    assert ranks == [drawn[0:4] + drawn[8:9], drawn[4:8] + drawn[9:10]]


def test_keyed_indices_carry_the_position_of_their_draw() -> None:
    indices = list(sampler(range(4), keyed=True))
    assert all(isinstance(index, KeyedIndex) for index in indices)
    assert [(index.seed, index.epoch, index.draw) for index in indices] == [(6, 0, draw) for draw in range(10)]  # type: ignore[attr-defined]


def test_a_loader_of_torch_around_it_has_the_same_batches() -> None:
    loader = torch.utils.data.DataLoader(range(4), 5, sampler=sampler(range(4)))  # type: ignore[arg-type]
    assert len(loader) == 2
    drawn = WEIGHTS.take(6, 0, 0, 10).tolist()
    assert [batch.tolist() for batch in loader] == [drawn[:5], drawn[5:]]


def test_an_epoch_can_start_anywhere() -> None:
    order = sampler(range(4)).epoch_order(3, 4)
    assert [order.batch(number)[0].tolist() for number in range(len(order))] == [
        WEIGHTS.take(6, 3, 4, 8).tolist(),
        WEIGHTS.take(6, 3, 8, 10).tolist(),
    ]


def test_a_dataset_that_grew_no_longer_fits_its_weights() -> None:
    dataset = [0, 1, 2, 3]
    weighted = sampler(dataset)
    dataset.append(4)
    with pytest.raises(OptionError, match="weights were given for 4 samples, and the dataset now has 5; make a new"):
        len(weighted)

"""Loaders that draw by weights: ranks, engines, resumes, and which arguments go together."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from support.loading import PIPELINE, Numbers, arrays, equal
from torch.utils.data import Subset, WeightedRandomSampler

from penstock.errors import OptionError
from penstock.formats import Arrays
from penstock.loaders import DataLoader
from penstock.loaders.ordering.weights import Weights

WEIGHTS = np.array([1.0, 0.0, 2.0, 5.0, 0.5, 0.0, 3.0, 1.0, 1.0, 2.0])


def weighted(batch_size: int = 3, **arguments: Any) -> DataLoader[Any]:
    return DataLoader(Numbers(10), batch_size, seed=8, **{"weights": WEIGHTS, **arguments})


def numbers(loader: Any) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


def flat(loader: Any) -> list[int]:
    return [index for batch in numbers(loader) for index in batch]


def drawn(epoch: int, count: int = 10) -> list[int]:
    return Weights(WEIGHTS, count).take(8, epoch, 0, count).tolist()


def test_each_epoch_draws_as_many_as_there_are_samples() -> None:
    loader = weighted()
    assert len(loader) == 4
    for epoch in range(3):
        assert flat(loader) == drawn(epoch)


def test_num_samples_makes_an_epoch_longer_or_shorter() -> None:
    for count in (2, 31):
        loader = weighted(num_samples=count)
        assert len(loader) == -(-count // 3)
        assert flat(loader) == drawn(0, count)
    assert [len(batch) for batch in numbers(weighted(num_samples=31, drop_last=True))] == [3] * 10


def test_ranks_share_an_epoch_out() -> None:
    ranks = [numbers(weighted(2, rank=rank, world_size=3, padding="none")) for rank in range(3)]
    shared = [index for number in range(2) for rank in ranks if number < len(rank) for index in rank[number]]
    assert shared == drawn(0)


@pytest.mark.parametrize("resumed_ranks", [1, 2, 4])
@pytest.mark.parametrize("batches", [1, 3])
def test_a_resume_goes_on_exactly_with_other_ranks(batches: int, resumed_ranks: int) -> None:
    first = weighted(4, num_samples=24)
    iterator = iter(first)
    for _ in range(batches):
        next(iterator)
    state = first.state_dict()
    ranks = []
    for rank in range(resumed_ranks):
        loader = weighted(4 // resumed_ranks, num_samples=24, rank=rank, world_size=resumed_ranks)
        loader.load_state_dict(state)
        ranks.append(numbers(loader))
    rest = [index for parts in zip(*ranks, strict=True) for part in parts for index in part]
    assert rest == drawn(0, 24)[4 * batches :]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_sample_that_comes_again_is_augmented_anew_the_same_way_by_every_engine(num_workers: int) -> None:
    dataset = arrays(4)
    arguments: dict[str, Any] = {"weights": [0, 1, 0, 0], "num_samples": 6, "augment": PIPELINE, "seed": 1}
    native = list(DataLoader(dataset, 4, num_workers=num_workers, **arguments))
    python = list(DataLoader(dataset, 4, engine="python", **arguments))
    assert equal(native, python)
    images = torch.cat([batch[0] for batch in native])
    assert len({image.numpy().tobytes() for image in images}) == 6
    assert torch.cat([batch[1] for batch in native]).tolist() == [1] * 6


def test_balanced_draws_from_the_labels_of_whatever_is_wrapped() -> None:
    labels = [0] * 18 + [1] * 2
    dataset = Arrays(np.zeros((20, 12, 12, 3), np.uint8), labels)
    for given in (dataset, Subset(dataset, range(1, 20))):
        loader = DataLoader(given, 50, weights="balanced", num_samples=2000, seed=0, augment=PIPELINE)
        found = torch.cat([batch[1] for batch in loader])
        assert 850 < int(found.sum()) < 1150


def test_explain_says_how_the_order_is_made() -> None:
    assert "drawn by weights, with replacement, 10 in an epoch, by (seed, epoch)" in weighted().explain()


def test_the_sampler_carries_the_weights_to_a_loader_made_anew() -> None:
    loader = weighted()
    again = torch.utils.data.DataLoader(loader.dataset, batch_sampler=loader.batch_sampler)
    assert flat(again) == drawn(0)
    assert list(pickle.loads(pickle.dumps(loader.sampler))) == drawn(1)


def test_a_loader_gives_its_arguments_back() -> None:
    loader = weighted(num_samples=7)
    assert loader.weights is WEIGHTS
    assert loader.num_samples == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": None}, "weights=.* which needs seed="),
        ({"shuffle": True}, "weights= draws samples at random, in place of shuffle, got shuffle=True; leave out"),
        ({"shuffle": False}, "got shuffle=False; leave out shuffle="),
        ({"sampler": WeightedRandomSampler([1.0], 5)}, "weights=.* a sampler was given, which has its own"),
        ({"weights": None, "num_samples": 3}, "num_samples=3 is how many draws by weight make an epoch"),
        ({"weights": "balanced"}, r"dataset \(Numbers\) has neither `labels` nor `targets`"),
        ({"weights": [1, 2]}, r"expected shape \(10,\) for this dataset, got \(2,\)"),
        ({"num_samples": 0}, "num_samples must be a positive int, got 0"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DataLoader(Numbers(10), 3, **{"weights": WEIGHTS, "seed": 8, **arguments})

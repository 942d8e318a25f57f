"""Sampling by weights: frequencies, independence of ranks and batches, and what is no weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from penstock.errors import OptionError
from penstock.loaders.ordering.order import Order
from penstock.loaders.ordering.weights import Weights, balanced_weights, make_weights
from penstock.rng import uniforms

some_weights = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 1e300), st.floats(0, 1e-300)), min_size=1, max_size=30
).filter(any)


class Labelled:
    """A dataset that has nothing but labels."""

    def __init__(self, labels: list[int]) -> None:
        self.labels = np.array(labels, np.int64)

    def __len__(self) -> int:
        return len(self.labels)


def drawn(weights: Any, count: int, *, seed: int = 0, epoch: int = 0) -> np.ndarray:
    made = make_weights(range(len(weights)), weights, None)
    assert made is not None
    return made.take(seed, epoch, 0, count)


def keys(order: Order, epoch: int = 0, start: int = 0) -> list[tuple[list[int], list[int]]]:
    view = order.epoch(epoch, start)
    return [tuple(column.tolist() for column in view.batch(number)) for number in range(len(view))]  # type: ignore[misc]


@pytest.mark.parametrize(
    "weights", [[1, 2, 3, 4], [1e-9, 1e-9], [0, 5, 0, 0, 1, 0], [1e308, 1e308, 1e308], [5e-324, 5e-324, 0]]
)
def test_samples_come_in_proportion_to_their_weights(weights: list[float]) -> None:
    counts = np.bincount(drawn(weights, 40_000), minlength=len(weights))
    values = np.array(weights, float)
    possible = values > 0
    share = values[possible] / values.max()
    assert counts[~possible].sum() == 0
    assert stats.chisquare(counts[possible], share / share.sum() * 40_000).pvalue > 1e-3


def test_draws_equal_the_definition_in_plain_python() -> None:
    weights = [0.5, 0.0, 2.0, 0.25, 1.25]
    expected = []
    for u in uniforms(3, 4, 2, 0, 200).tolist():
        total = 0.0
        for index, weight in enumerate(weights):
            total += weight
            if total > u * sum(weights):
                expected.append(index)
                break
    assert drawn(weights, 200, seed=3, epoch=4).tolist() == expected


@given(some_weights, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_a_sample_without_weight_never_comes(weights: list[float], seed: int, epoch: int) -> None:
    indices = drawn(weights, 200, seed=seed, epoch=epoch)
    assert indices.dtype == np.int64
    assert all(weights[index] > 0 for index in indices.tolist())


@given(some_weights, st.integers(0, 40), st.integers(0, 40))
def test_any_position_is_found_without_those_before_it(weights: list[float], start: int, count: int) -> None:
    made = Weights(np.array(weights), num_samples=1)
    np.testing.assert_array_equal(made.take(1, 2, start, start + count), made.take(1, 2, 0, 80)[start:][:count])


def test_seeds_and_epochs_draw_differently() -> None:
    draws = {tuple(drawn(np.ones(50), 50, seed=s, epoch=e).tolist()) for s in (0, 1, 2**32) for e in range(3)}
    assert len(draws) == 9


@given(st.integers(1, 60), st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(0, 60))
def test_global_batches_are_the_same_for_every_world_size(num_samples: int, world_size: int, start: int) -> None:
    weights = Weights(np.arange(10.0), num_samples)
    start = min(start, num_samples)

    def visited(world_size: int) -> list[tuple[int, int]]:
        ranks = [
            keys(Order(num_samples, 12 // world_size, r, world_size, padding="none", weights=weights), 3, start)
            for r in range(world_size)
        ]
        order = [rank[number] for number in range(len(ranks[0])) for rank in ranks if number < len(rank)]
        return [pair for batch in order for pair in zip(*batch, strict=True)]

    expected = weights.take(0, 3, start, num_samples).tolist()
    assert visited(world_size) == visited(1) == list(zip(expected, range(start, num_samples), strict=True))


@given(st.integers(1, 30), st.integers(1, 5), st.booleans(), st.integers(0, 5))
def test_an_epoch_goes_on_exactly_from_every_global_batch(
    num_samples: int, world_size: int, drop_last: bool, delivered: int
) -> None:
    weights = Weights(np.array([1.0, 0.0, 3.0]), num_samples)
    for rank in range(world_size):
        order = Order(num_samples, 3, rank, world_size, drop_last=drop_last, weights=weights)
        start = min(delivered * order.global_batch_size, num_samples)
        assert keys(order, start=start) == keys(order)[delivered:]


def test_each_draw_is_its_global_position_and_padding_wraps() -> None:
    weights = Weights(np.ones(4), num_samples=5)
    ranks = [keys(Order(5, 2, rank, 2, weights=weights)) for rank in range(2)]
    first, last = ([pair for rank in ranks for pair in zip(*rank[number], strict=True)] for number in range(2))
    indices = weights.take(0, 0, 0, 5).tolist()
    assert first == [(indices[0], 0), (indices[1], 1), (indices[2], 2), (indices[3], 3)]
    assert last == [(indices[4], 4), (indices[0], 5)]


def test_shuffle_adds_nothing_to_draws_by_weights() -> None:
    weights = Weights(np.ones(4), num_samples=5)
    assert keys(Order(5, 2, shuffle=True, weights=weights)) == keys(Order(5, 2, weights=weights))


@pytest.mark.parametrize(
    "convert", [list, tuple, np.array, np.float32, torch.tensor, lambda w: torch.tensor(w, dtype=torch.bfloat16)]
)
def test_arrays_tensors_and_lists_are_weights(convert: Callable[[list[float]], Any]) -> None:
    weights = [0.5, 0.0, 2.0]
    assert drawn(convert(weights), 50).tolist() == drawn(weights, 50).tolist()


def test_a_tensor_that_learns_is_weights() -> None:
    assert drawn(torch.ones(3, requires_grad=True), 50).tolist() == drawn([1, 1, 1], 50).tolist()


@pytest.mark.parametrize("weights", [[True, False, True], [1, 0, 1], np.array([1, 0, 1], np.uint8)])
def test_flags_and_integers_are_weights(weights: Any) -> None:
    assert drawn(weights, 50).tolist() == drawn([1.0, 0.0, 1.0], 50).tolist()


def test_num_samples_is_the_number_of_samples_unless_given() -> None:
    for given_samples, expected in ((None, 3), (7, 7), (np.int64(2), 2)):
        weights = make_weights(range(3), [1, 1, 1], given_samples)
        assert weights is not None
        assert (weights.num_samples, len(weights)) == (expected, 3)
    assert make_weights(range(3), None, None) is None


def test_balanced_draws_every_class_equally_often() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [5])
    weights = make_weights(Labelled(labels.tolist()), "balanced", None)
    assert weights is not None
    classes = labels[weights.take(0, 0, 0, 30_000)]
    counts = np.bincount(classes, minlength=6)
    assert counts[2:5].sum() == 0
    assert stats.chisquare(counts[[0, 1, 5]]).pvalue > 1e-3


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_balanced_weights_sum_to_one_for_each_class(labels: list[int]) -> None:
    weights = balanced_weights(Labelled(labels))
    for label in set(labels):
        assert weights[np.array(labels) == label].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("even", "must be 'balanced' or one number per sample, got 'even'"),
        ([1, 2], r"expected shape \(3,\) for this dataset, got \(2,\)"),
        (np.ones((3, 1)), r"expected shape \(3,\) for this dataset, got \(3, 1\)"),
        (2.0, r"expected shape \(3,\) for this dataset, got \(\)"),
        ([1, float("nan"), 1], r"finite and 0 or more, got nan for sample 1 \(1 such in all\); give 0 to samples"),
        ([1, float("inf"), -1], r"got inf for sample 1 \(2 such in all\)"),
        ([1, 1, -0.5], "got -0.5 for sample 2"),
        ([0, 0, 0], "0 for all 3 samples, so none can be drawn; give one of them a positive weight"),
        (["a", "b", "c"], "one real number per sample, got list of <U1"),
        ([1, 2j, 3], "one real number per sample, got list of complex128"),
        ([1, [2, 3], 4], "one real number per sample, got list .*inhomogeneous"),
        ({1, 2, 3}, "one real number per sample, got set of object"),
    ],
)
def test_what_is_no_weights_is_refused_with_the_reason(weights: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_weights(range(3), weights, None)


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "3", 2**63])
def test_num_samples_must_be_a_positive_int(count: Any) -> None:
    with pytest.raises(OptionError, match=f"num_samples must be a positive int, got {count!r}"):
        make_weights(range(3), [1, 1, 1], count)


def test_num_samples_needs_weights() -> None:
    with pytest.raises(
        OptionError, match=r"num_samples=5 is how many draws .*; give weights= too, or a .*RandomSampler"
    ):
        make_weights(range(3), None, 5)

"""Whether shuffled orders look random, below 65,536 samples (Fisher-Yates) and from there on (Feistel network).

Seeds are fixed, so these tests give the same answer each time; a fair shuffle passes a threshold with all but one of a
thousand seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from penstock._core import Permutation

SIZES = [1_009, 65_535, 65_536, 131_071, 300_007]
"""Either side of the threshold; a power of four (no cycle is walked), and sizes just beyond and far from one."""

pytestmark = pytest.mark.parametrize("size", SIZES)


def shuffled(size: int, epoch: int = 0, seed: int = 17) -> np.ndarray:
    return Permutation(size, seed, epoch).take(0, size)


def test_neighbours_are_not_correlated(size: int) -> None:
    order = shuffled(size)
    for lag in (1, 2, 64):
        assert stats.pearsonr(order[:-lag], order[lag:]).pvalue > 1e-3


def test_positions_and_indices_are_not_correlated(size: int) -> None:
    assert stats.pearsonr(np.arange(size), shuffled(size)).pvalue > 1e-3


def test_it_rises_as_often_as_it_falls(size: int) -> None:
    order = shuffled(size)
    rises = int((order[1:] > order[:-1]).sum())
    # Of a random permutation: mean (n - 1) / 2, variance (n + 1) / 12 (the Eulerian distribution).
    assert abs(rises - (size - 1) / 2) / np.sqrt((size + 1) / 12) < stats.norm.isf(5e-4)


def test_distances_of_neighbours_are_those_of_random_pairs(size: int) -> None:
    distances = np.abs(np.diff(shuffled(size)))
    # The share of pairs at a distance of at most d: pairs (i, j), i != j, with |i - j| <= d.
    edges = np.linspace(0, size - 1, 21).astype(np.int64)
    share = np.diff(edges * (2 * size - edges - 1) / (size * (size - 1)))
    counts, _ = np.histogram(distances, bins=edges + 0.5)
    assert stats.chisquare(counts, share * counts.sum()).pvalue > 1e-3


def test_every_part_of_an_epoch_comes_from_everywhere(size: int) -> None:
    counts = np.zeros((10, 10))
    np.add.at(counts, (np.arange(size) * 10 // size, shuffled(size) * 10 // size), 1)
    assert stats.chi2_contingency(counts).pvalue > 1e-3


def test_low_bits_of_indices_are_spread_too(size: int) -> None:
    order = shuffled(size)
    bits = (order[:, None] >> np.arange(4)) & 1
    parity = np.arange(size) & 1
    for column in bits.T:
        table = np.array([[np.sum((column == a) & (parity == b)) for a in (0, 1)] for b in (0, 1)])
        assert stats.chi2_contingency(table).pvalue > 1e-3


def test_epochs_and_seeds_are_not_correlated(size: int) -> None:
    order = shuffled(size)
    for other in (shuffled(size, epoch=1), shuffled(size, seed=18), shuffled(size, epoch=2**31)):
        assert stats.pearsonr(order, other).pvalue > 1e-3


def test_as_many_samples_stay_in_place_as_by_chance(size: int) -> None:
    kept = sum(int((shuffled(size, epoch) == np.arange(size)).sum()) for epoch in range(12))
    low, high = stats.poisson.interval(0.999, mu=12)  # one on average in each epoch, whatever the size
    assert low <= kept <= high

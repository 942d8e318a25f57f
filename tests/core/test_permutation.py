"""The shuffled order of an epoch."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support import drawing

from penstock._core import Permutation
from penstock.errors import OptionError

seeds = st.integers(0, 2**64 - 1)
epochs = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 10, 1000, 65535, 65536, 65537, 100_000, 262_144, 1_000_003])
def test_is_a_bijection(size: int) -> None:
    order = Permutation(size, seed=7, epoch=3)
    assert len(order) == size
    indices = order.take(0, size)
    assert indices.dtype == np.int64
    np.testing.assert_array_equal(np.sort(indices), np.arange(size))


@given(size=st.integers(1, 300), seed=seeds, epoch=epochs)
@settings(max_examples=30)
def test_below_65536_equals_fisher_yates_in_plain_python(size: int, seed: int, epoch: int) -> None:
    expected = drawing.permutation(size, seed, epoch, range(size))
    assert Permutation(size, seed, epoch).take(0, size).tolist() == expected


@given(size=st.integers(65536, 2**62), seed=seeds, epoch=epochs, data=st.data())
@settings(max_examples=30)
def test_from_65536_equals_the_feistel_network_in_plain_python(
    size: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, size - 4))
    expected = drawing.permutation(size, seed, epoch, range(start, start + 4))
    assert Permutation(size, seed, epoch).take(start, start + 4).tolist() == expected


@pytest.mark.parametrize("size", [65536, 65537, 2**18, 2**18 + 1, 2**62, 2**62 + 1, 2**63 - 1])
def test_edges_of_the_feistel_network(size: int) -> None:
    expected = drawing.permutation(size, 5, 0, range(size - 3, size))
    assert Permutation(size, seed=5, epoch=0).take(size - 3, size).tolist() == expected


@given(size=st.sampled_from([50, 70_000]), cuts=st.tuples(*[st.integers(0, 50)] * 3).map(sorted))
def test_takes_concatenate(size: int, cuts: list[int]) -> None:
    order = Permutation(size, seed=1, epoch=1)
    first, middle, last = cuts
    joined = np.concatenate([order.take(first, middle), order.take(middle, last)])
    np.testing.assert_array_equal(joined, order.take(first, last))


def test_a_trillion_samples_cost_nothing() -> None:
    size = 2**40
    indices = Permutation(size, seed=2, epoch=0).take(size - 1000, size)
    assert len(set(indices.tolist())) == 1000
    assert 0 <= indices.min() < indices.max() < size
    assert stats.kstest(indices / size, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("size", [500, 70_000])
def test_seed_and_epoch_make_the_order(size: int) -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return Permutation(size, seed, epoch).take(0, size).tolist()

    assert order(1, 1) == order(1, 1)
    keys = [(1, 1), (1, 2), (2, 1), (1 + 2**32, 1), (2**64 - 1, 1)]
    assert len({tuple(order(*key)) for key in keys}) == len(keys)


def test_every_order_of_four_is_equally_likely() -> None:
    seen: dict[tuple[int, ...], int] = {}
    for epoch in range(4800):
        order = tuple(Permutation(4, seed=11, epoch=epoch).take(0, 4).tolist())
        seen[order] = seen.get(order, 0) + 1
    assert len(seen) == 24
    assert stats.chisquare(list(seen.values())).pvalue > 1e-3


def test_the_feistel_network_spreads_neighbours() -> None:
    size = 65_537
    counts = np.zeros((16, 16))
    for epoch in range(40):
        indices = Permutation(size, seed=3, epoch=epoch).take(0, 1024)
        np.add.at(counts, (np.arange(1024) * 16 // 1024, indices * 16 // size), 1)
    assert stats.chi2_contingency(counts).pvalue > 1e-3
    assert stats.chisquare(counts.sum(axis=0)).pvalue > 1e-3


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, 11), (11, 11)])
def test_positions_outside_are_refused(start: int, stop: int) -> None:
    message = f"start, stop: expected 0 <= start <= stop <= 10, got {start} and {stop}"
    with pytest.raises(OptionError, match=re.escape(message)):
        Permutation(10, seed=0, epoch=0).take(start, stop)


def test_arguments_outside_their_range_are_refused() -> None:
    with pytest.raises(OptionError, match="size: expected 0 or more samples, got -3"):
        Permutation(-3, seed=0, epoch=0)
    with pytest.raises(OptionError, match="seed: expected an integer from 0 to 18446744073709551615, got -1"):
        Permutation(3, seed=-1, epoch=0)
    with pytest.raises(OptionError, match=f"seed: expected .*, got {2**64}"):
        Permutation(3, seed=2**64, epoch=0)
    with pytest.raises(OptionError, match=f"epoch: expected an integer from 0 to 4294967295, got {2**32}"):
        Permutation(3, seed=0, epoch=2**32)

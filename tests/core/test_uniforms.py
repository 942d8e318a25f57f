"""Uniform numbers by position, against Philox in plain Python."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support import drawing

from penstock.rng import uniforms


def oracle(seed: int, epoch: int, purpose: int, position: int) -> float:
    a = drawing.philox(drawing.words(seed), (0, 0, epoch, purpose))
    block = drawing.philox(a[:2], (*drawing.words(position >> 1), a[2], a[3]))
    return drawing.unit_doubles(block)[position & 1]


@given(
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**32 - 1),
    purpose=st.integers(0, 2**32 - 1),
    start=st.one_of(st.integers(0, 10), st.integers(2**33 - 5, 2**33 + 5), st.integers(0, 2**63 - 10)),
    count=st.integers(0, 9),
)
@settings(max_examples=60)
def test_equal_philox_in_plain_python(seed: int, epoch: int, purpose: int, start: int, count: int) -> None:
    numbers = uniforms(seed, epoch, purpose, start, start + count)
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [oracle(seed, epoch, purpose, start + k) for k in range(count)]


@given(st.lists(st.integers(0, 100), min_size=2, max_size=5).map(sorted))
def test_a_row_can_be_cut_anywhere(cuts: list[int]) -> None:
    parts = [uniforms(1, 2, 3, start, stop) for start, stop in pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(parts), uniforms(1, 2, 3, cuts[0], cuts[-1]))


def test_are_uniform_and_independent_of_their_neighbours() -> None:
    numbers = uniforms(5, 0, 2, 0, 100_000)
    assert 0 <= numbers.min() < numbers.max() < 1
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    for lag in (1, 2, 3):
        assert stats.pearsonr(numbers[:-lag], numbers[lag:]).pvalue > 1e-3

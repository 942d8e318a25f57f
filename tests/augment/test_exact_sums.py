"""Weighted sums of lines in the torch executor, against sums of Python's whole numbers."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.augment.executors.resampling import PRECISION_BITS
from penstock.augment.executors.torch.sums import MOST_TAPS, split, summed_lines, with_ones

ONE = 1 << PRECISION_BITS


def summed(levels: list[int], weights: list[int]) -> int:
    """What the sum of one pixel under these weights is."""
    lines = with_ones(torch.tensor(levels, dtype=torch.uint8).view(1, -1, 1))
    parts = split(torch.tensor(weights, dtype=torch.float64)[None])
    places = torch.arange(1 + len(levels)).expand(parts.shape)
    return int(summed_lines(lines, places, parts, clip=True))


def exact(levels: list[int], weights: list[int]) -> int:
    total = sum(level * weight for level, weight in zip(levels, weights, strict=True))
    return min(max((total + ONE // 2) >> PRECISION_BITS, 0), 255)


@settings(max_examples=60)
@given(st.integers(1, MOST_TAPS + 2), st.floats(0, 0.7), st.sampled_from([0, 128, 254]), st.integers(0, 2**32))
def test_sums_are_those_of_whole_numbers(taps: int, negative: float, least: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.uniform(-negative, 1, taps)
    shares = shares / np.abs(shares).sum() * generator.uniform(1, 1.5)
    weights = np.rint(shares * ONE).astype(int).tolist()
    levels = generator.integers(least, 256, taps).tolist()
    assert summed(levels, weights) == exact(levels, weights)


def test_halves_are_rounded_up_and_what_is_just_below_is_not() -> None:
    for level in (1, 2, 127, 253, 254):
        for low in (0, 1, 255, 256, 257, 511):
            # level + 1/2, and the least bit of a weight below it, with low parts that cancel each other.
            weights = [ONE - low, low, ONE // 2]
            assert summed([level, level, 1], weights) == level + 1
            assert summed([level, level, 1], [*weights[:2], ONE // 2 - 1]) == level


def test_the_longest_filters_whose_low_parts_add_up_are_exact() -> None:
    for count in (MOST_TAPS, MOST_TAPS + 1):
        for low in (-256, 255, 256):
            weights = [(ONE // count // 512) * 512 + low] * count
            for level in (1, 254, 255):
                assert summed([level] * count, weights) == exact([level] * count, weights)

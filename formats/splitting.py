"""Cutting a dataset into parts, for training and validation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from .._core import Permutation
from ..errors import OptionError
from .base import Dataset
from .views import Subset

__all__ = ["split"]


def split(dataset: Dataset, at: float | Sequence[float] = 0.7, shuffle: bool = True, seed: int = 0) -> list[Subset]:
    """Parts of `dataset` that hold each sample once.

    The same dataset length, fractions and seed give the same parts on every machine.

    Args:
        dataset: any Penstock dataset.
        at: the first part's fraction (the second gets the rest), or the fractions of all parts, which sum to 1.
        shuffle: draw the samples of each part at random; otherwise the parts are consecutive.
        seed: of the random order, from 0 to 2^64 - 1.

    Returns:
        One `Subset` a part; their lengths differ from fraction times length by less than 1, and sum to it. A part is
        empty where its fraction is too small for one sample.

    Raises:
        OptionError: `at` is no fraction between 0 and 1, or fractions that don't sum to 1.
    """
    size = len(dataset)
    order = Permutation(size, seed, 0).take(0, size) if shuffle and size else np.arange(size)
    bounds = itertools.accumulate(_lengths(_fractions(at), size), initial=0)
    return [Subset(dataset, order[start:stop]) for start, stop in itertools.pairwise(bounds)]


def _lengths(fractions: list[float], size: int) -> list[int]:
    """Whole numbers that sum to `size`: the largest remainders are rounded up, earlier parts first where they tie."""
    total = math.fsum(fractions)
    shares = [fraction / total * size for fraction in fractions]
    lengths = [math.floor(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda part: round(lengths[part] - shares[part], 9))
    for part in by_remainder[: size - sum(lengths)]:
        lengths[part] += 1
    return lengths


def _fractions(at: float | Sequence[float]) -> list[float]:
    single = isinstance(at, (int, float))
    try:
        fractions = [float(at), 1 - float(at)] if isinstance(at, (int, float)) else [float(part) for part in at]
    except (TypeError, ValueError):
        fractions = []
    if not fractions or not all(0 < part <= 1 for part in fractions) or (single and at == 1):
        raise OptionError(f"split(at=...) takes a fraction between 0 and 1, or several that sum to 1, got {at!r}")
    if abs(math.fsum(fractions) - 1) > 1e-6:
        raise OptionError(f"the fractions in split(at={at!r}) sum to {math.fsum(fractions):g}; they must sum to 1")
    return fractions

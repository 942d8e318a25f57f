"""Draws with replacement, in proportion to weights: another function position -> sample index."""

from __future__ import annotations

import operator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..._core import crc32c
from ...errors import OptionError
from ...rng import uniforms
from .labels import class_labels

__all__ = ["Weights", "balanced_weights", "make_weights"]

_PURPOSE = 2
"""Of the random numbers, in docs/design/2026-11-21-interfaces.md."""


class Weights:
    """How likely each sample of a dataset is, and how many draws make an epoch.

    The index at a position is a function of (seed, epoch, position): the first whose cumulated weight exceeds u times
    the sum, with u a uniform number in [0, 1). So ranks share the draws out like a shuffled order, and any position is
    found without those before it, in O(log n). Holds 8 bytes a sample.

    Args:
        values: (n,) float64, finite, 0 or more, not all 0; they need not sum to 1. A sample with weight 0 never comes.
        num_samples: how many draws make an epoch.
    """

    def __init__(self, values: NDArray[np.float64], num_samples: int) -> None:
        # A power of two, so nothing is rounded: the largest becomes 0.5 to 1, and no sum overflows.
        _, exponent = np.frexp(values.max())
        self._cumulative = np.cumsum(np.ldexp(values, -exponent))
        self.num_samples = num_samples

    def __len__(self) -> int:
        """Of how many samples these are the weights."""
        return len(self._cumulative)

    @cached_property
    def checksum(self) -> int:
        """CRC-32C of the cumulated weights: by which a state knows them again."""
        return crc32c(self._cumulative.view(np.uint8))

    def take(self, seed: int, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """(stop - start,) indices at positions start <= p < stop."""
        thresholds = uniforms(seed, epoch, _PURPOSE, start, stop) * self._cumulative[-1]
        indices: NDArray[np.int64] = np.searchsorted(self._cumulative, thresholds, side="right")
        return indices


def make_weights(dataset: Any, weights: Any, num_samples: int | None) -> Weights | None:
    """The `weights` and `num_samples` arguments of a loader, checked; None where neither is given.

    Args:
        dataset: map-style; asked for its length, and with "balanced" for its labels.
        weights: "balanced" (see `balanced_weights`), or one number per sample: an array, a tensor, a list.
        num_samples: None: as many draws as there are samples.

    Raises:
        OptionError: these are no weights for this dataset, or `num_samples` is no positive int or has no weights.
    """
    if weights is None:
        if num_samples is None:
            return None
        raise OptionError(
            f"num_samples={num_samples!r} is how many draws by weight make an epoch, and no weights were given; give "
            "weights= too, or a torch.utils.data.RandomSampler with num_samples as the sampler"
        )
    size = len(dataset)
    if isinstance(weights, str):
        if weights != "balanced":
            raise OptionError(f"weights must be 'balanced' or one number per sample, got {weights!r}")
        values = balanced_weights(dataset)
    else:
        values = _numbers(weights)
    _check(values, size)
    return Weights(values, size if num_samples is None else _count(num_samples))


def balanced_weights(dataset: Any) -> NDArray[np.float64]:
    """(n,) weights by which every class that has samples is drawn equally often: 1 / (samples of its class).

    Raises:
        OptionError: the dataset has not one class for each sample; see `class_labels`.
    """
    _, inverse, counts = np.unique(class_labels(dataset), return_inverse=True, return_counts=True)
    return np.asarray((1.0 / counts)[inverse], np.float64)


def _numbers(weights: Any) -> NDArray[np.float64]:
    if isinstance(weights, torch.Tensor):
        weights = weights.detach().to("cpu", torch.float64)
    try:
        values = np.asarray(weights)
        if values.dtype.kind in "biuf":
            return values.astype(np.float64)
        got = f"{type(weights).__name__} of {values.dtype}"
    except (TypeError, ValueError) as error:
        got = f"{type(weights).__name__} ({error})"
    raise OptionError(f"weights must be 'balanced' or one real number per sample, got {got}")


def _check(values: NDArray[np.float64], size: int) -> None:
    if values.shape != (size,):
        raise OptionError(
            f"weights must be one number per sample, expected shape ({size},) for this dataset, got {values.shape}"
        )
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise OptionError(
            f"weights must be finite and 0 or more, got {values[bad[0]]} for sample {bad[0]} ({len(bad)} such in all); "
            "give 0 to samples that should never come"
        )
    if not values.any():
        raise OptionError(
            f"weights are 0 for all {size} samples, so none can be drawn; give one of them a positive weight"
        )


def _count(num_samples: Any) -> int:
    try:
        count = 0 if isinstance(num_samples, bool) else operator.index(num_samples)
    except TypeError:
        count = 0
    if not 0 < count < 2**63:
        raise OptionError(f"num_samples must be a positive int, got {num_samples!r}")
    return count

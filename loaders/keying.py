"""Where an iterator's keys come from, batch by batch: Penstock's order, or whatever a torch sampler gives."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from ..errors import OptionError
from .keys import KeyedIndex, SampleKeys
from .order import EpochOrder

__all__ = ["Keying", "OrderKeying", "SamplerKeying", "visits_once"]


class Keying(Protocol):
    """One pass over the data, as keys."""

    def next_keys(self, sampler: Iterator[Any]) -> tuple[SampleKeys, bool]:
        """The keys of the next batch, and whether it is one sample outside a batch (`batch_size=None`).

        Args:
            sampler: the running iterator of the loader's sampler or batch sampler.

        Raises:
            StopIteration: the pass is over.
        """
        ...


class OrderKeying:
    """Keys of an epoch in Penstock's order; the loader's sampler is not asked."""

    def __init__(self, order: EpochOrder, seed: int, epoch: int, *, single: bool) -> None:
        self._order = order
        self._seed = seed
        self._epoch = epoch
        self._single = single
        self._number = 0
        self._batches = len(order)

    def next_keys(self, sampler: Iterator[Any]) -> tuple[SampleKeys, bool]:  # noqa: ARG002 (the protocol's)
        if self._number >= self._batches:
            raise StopIteration
        indices, draws = self._order.batch(self._number)
        self._number += 1
        return SampleKeys(self._seed, self._epoch, indices, draws), self._single


class SamplerKeying:
    """Keys for what a sampler gives.

    Indices that carry keys already (an `OrderSampler`'s, in a loader that was built anew around it) keep them.

    Args:
        seed: the base seed that torch drew for the iterator.
        epoch: which epoch of the loader this is; with persistent workers torch draws no new base seed.
        size: of the dataset, to count negative indices from the end; 0 where it has no length.
        once: the sampler visits an index at most once (`visits_once`), so each draw is 0, not the position.
    """

    def __init__(self, seed: int, epoch: int, size: int, *, once: bool) -> None:
        self._seed = seed
        self._epoch = epoch
        self._size = size
        self._once = once
        self._position = 0

    def next_keys(self, sampler: Iterator[Any]) -> tuple[SampleKeys, bool]:
        given = next(sampler)
        single = _is_index(given)
        indices = [given] if single else list(given)
        start = self._position
        self._position += len(indices)
        if indices and isinstance(indices[0], KeyedIndex):
            return SampleKeys.of(indices), single
        column = np.array([self._checked(index) for index in indices], np.int64)
        draws = np.zeros_like(column) if self._once else np.arange(start, self._position, dtype=np.int64)
        return SampleKeys(self._seed, self._epoch, column, draws), single

    def _checked(self, given: Any) -> int:
        try:
            index = operator.index(given)
        except TypeError:
            raise OptionError(
                f"augment needs samplers that give integer indices, got {given!r}; number the samples, or apply a "
                "transform inside the dataset instead"
            ) from None
        return index + self._size if -self._size <= index < 0 else index


def visits_once(sampler: Any) -> bool:
    """Whether one pass of this sampler or batch sampler is known to visit each index at most once."""
    if type(sampler) is BatchSampler:
        sampler = sampler.sampler
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples <= len(sampler.data_source)
    return type(sampler) is SequentialSampler


def _is_index(given: Any) -> bool:
    if isinstance(given, np.ndarray | torch.Tensor):
        return given.ndim == 0
    return isinstance(given, str) or not isinstance(given, Sequence)

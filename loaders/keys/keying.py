"""Where an iterator's requests come from, batch by batch: Penstock's order, or whatever a torch sampler gives."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from ...errors import OptionError
from ..ordering.order import EpochOrder
from ..state.passes import Cursor
from .keys import KeyedIndex, SampleKeys

__all__ = ["GivenKeying", "Keying", "OrderKeying", "Request", "SamplerKeying", "visits_once"]

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Request:
    """What one batch is made of.

    Attributes:
        given: an index or a list of them, as the dataset is asked for.
        keys: of the samples; None where the sampler's indices are passed on as they are.
        single: it is one sample outside a batch (`batch_size=None`).
        cursor: where the pass is once this batch is delivered.
    """

    given: Any
    keys: SampleKeys | None
    single: bool
    cursor: Cursor

    def keyed(self) -> Any:
        """What an `Augmented` dataset is asked for: `given` with its keys."""
        if self.keys is None:
            return self.given
        indices = self.keys.keyed()
        return indices[0] if self.single else indices


class Keying(Protocol):
    """One pass over the data, as requests."""

    def next(self, sampler: Iterator[Any]) -> Request:
        """The next batch.

        Args:
            sampler: the running iterator of the loader's sampler or batch sampler.

        Raises:
            StopIteration: the pass is over.
        """
        ...

    def prime(self, sampler: Iterator[Any]) -> None:
        """Passes over what was delivered before a resume; `next` does so too, but then later."""
        ...


class OrderKeying:
    """Requests of an epoch in Penstock's order; the loader's sampler is not asked."""

    def __init__(self, order: EpochOrder, seed: int, epoch: int, *, single: bool) -> None:
        self._order = order
        self._seed = seed
        self._epoch = epoch
        self._single = single
        self._number = 0
        self._batches = len(order)

    def next(self, sampler: Iterator[Any]) -> Request:  # noqa: ARG002 (the protocol's)
        if self._number >= self._batches:
            raise StopIteration
        indices, draws = self._order.batch(self._number)
        keys = SampleKeys(self._seed, self._epoch, indices, draws)
        cursor = Cursor(self._order.stop(self._number), len(indices), keys=keys)
        self._number += 1
        given = keys.plain()
        return Request(given[0] if self._single else given, keys, self._single, cursor)

    def prime(self, sampler: Iterator[Any]) -> None:
        """Nothing: an order starts anywhere."""


class _Counted:
    """What a sampler gives, with the number of each batch.

    Args:
        skip: how many batches were delivered before, in an earlier process; they are drawn, and dropped. None: the pass
            is no resumed one.
    """

    def __init__(self, skip: int | None = None) -> None:
        self._skip = skip
        self._number = 0
        self._first: list[Any] = []

    def prime(self, sampler: Iterator[Any]) -> None:
        """Draws what was delivered before, and one batch more: samplers draw their seed at the first."""
        if self._skip is None:
            return
        skip, self._skip = self._skip, None
        given = next(sampler, _NOTHING)
        while skip and given is not _NOTHING:
            self._pass_over(given)
            skip -= 1
            self._number += 1
            given = next(sampler, _NOTHING)
        self._first = [] if given is _NOTHING else [given]

    def _pass_over(self, given: Any) -> None:
        pass

    def _next(self, sampler: Iterator[Any]) -> tuple[Any, int]:
        self.prime(sampler)
        given = self._first.pop() if self._first else next(sampler)
        self._number += 1
        return given, self._number


class GivenKeying(_Counted):
    """Requests as a sampler gives them, whatever its indices are."""

    def next(self, sampler: Iterator[Any]) -> Request:
        given, number = self._next(sampler)
        count = len(given) if isinstance(given, list | tuple) else 1
        return Request(given, None, single=False, cursor=Cursor(number, count))


class SamplerKeying(_Counted):
    """Requests with keys for what a sampler gives.

    Indices that carry keys already (an `OrderSampler`'s, in a loader that was built anew around it) keep them.

    Args:
        seed: the base seed that torch drew for the iterator.
        epoch: which epoch of the loader this is; with persistent workers torch draws no new base seed.
        size: of the dataset, to count negative indices from the end; 0 where it has no length.
        once: the sampler visits an index at most once (`visits_once`), so each draw is 0, not the position.
        skip: as in `GivenKeying`.
    """

    def __init__(self, seed: int, epoch: int, size: int, *, once: bool, skip: int | None = None) -> None:
        super().__init__(skip)
        self._seed = seed
        self._epoch = epoch
        self._size = size
        self._once = once
        self._position = 0

    def next(self, sampler: Iterator[Any]) -> Request:
        given, number = self._next(sampler)
        single = _is_index(given)
        indices = [given] if single else list(given)
        start = self._position
        self._position += len(indices)
        if indices and isinstance(indices[0], KeyedIndex):
            keys = SampleKeys.of(indices)
        else:
            column = np.array([self._checked(index) for index in indices], np.int64)
            draws = np.zeros_like(column) if self._once else np.arange(start, self._position, dtype=np.int64)
            keys = SampleKeys(self._seed, self._epoch, column, draws)
        return Request(given if single else indices, keys, single, Cursor(number, len(indices), keys=keys))

    def _pass_over(self, given: Any) -> None:
        self._position += 1 if _is_index(given) else len(given)

    def _checked(self, given: Any) -> int:
        try:
            index = operator.index(given)
        except TypeError:
            raise OptionError(
                f"augment= and on_error='substitute' need samplers that give integer indices, got {given!r}; number "
                "the samples, or leave these out: a transform inside the dataset takes any index, and so does "
                "on_error='skip'"
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

"""Who takes the place of a sample that can't be made."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler, SubsetRandomSampler

from ...errors import OptionError, TooManyErrorsError
from ...rng import words
from ..keys.keys import KeyedIndex

__all__ = ["ATTEMPTS", "Candidates", "candidates_of", "no_substitute", "substitute"]

ATTEMPTS = 16
"""How many substitutes of one sample are tried."""

Candidates: TypeAlias = int | NDArray[np.int64] | None
"""What a substitute is chosen from: all of so many samples, these indices, or (None) the others of the batch."""

_PURPOSE = 5
"""Of the random numbers, in docs/design/2026-11-21-interfaces.md."""


def substitute(key: KeyedIndex, attempt: int, candidates: Candidates, batch: Sequence[int]) -> KeyedIndex | None:
    """The sample that takes the place of the one with this key: a function of (seed, epoch, index, attempt).

    Chosen uniformly among the candidates without the failed sample itself and without those of earlier attempts. Its
    own draw is one that no visit of an epoch has, so it is augmented otherwise than where it belongs.

    Args:
        key: of the sample that belongs there.
        attempt: from 1.
        candidates: what to choose from; an array is ascending, and has each index once.
        batch: all indices of the failed sample's batch.

    Returns:
        None after `ATTEMPTS` attempts, or where all candidates have been tried.
    """
    return next(islice(_chain(key, candidates, batch), attempt - 1, None), None)


def _chain(key: KeyedIndex, candidates: Candidates, batch: Sequence[int]) -> Iterator[KeyedIndex]:
    """The substitutes for one sample, in the order in which they are tried."""
    index = int(key)
    if candidates is None:
        candidates = np.unique(np.asarray(batch, np.int64))
    size = candidates if isinstance(candidates, int) else len(candidates)
    gone = _place(index, candidates)
    for attempt in range(1, min(ATTEMPTS, size - len(gone)) + 1):
        low, high, *_ = words(key.seed, key.epoch, index, attempt, _PURPOSE)
        choice = int(((low | high << 32) >> 11) * 2.0**-53 * (size - len(gone)))
        for place in gone:  # ascending, so that the choice is among the places that are left
            choice += place <= choice
        insort(gone, choice)
        chosen = choice if isinstance(candidates, int) else int(candidates[choice])
        yield KeyedIndex(chosen, key.seed, key.epoch, 1 << 62 | (index << 4 | attempt - 1) & (1 << 62) - 1)


def _place(index: int, candidates: int | NDArray[np.int64]) -> list[int]:
    """Where the index is among the candidates, if it is one."""
    if isinstance(candidates, int):
        return [index] if 0 <= index < candidates else []
    place = int(np.searchsorted(candidates, index))
    return [place] if place < len(candidates) and candidates[place] == index else []


def no_substitute(index: Any, source: str, tried: int, last: str) -> OptionError | TooManyErrorsError:
    """What to raise where `substitute` has nobody left.

    Args:
        index, source: of the sample that belongs there.
        tried: substitutes that failed.
        last: the last one of them, and its error, in words.
    """
    if tried == 0:
        return OptionError(f"there is no other sample to take the place of sample {index}; use on_error='skip'")
    return TooManyErrorsError(
        f"{tried} substitutes for sample {index} ({source}) failed one after the other, the last one being {last}. "
        "Mend the data, or use on_error='skip'"
    )


def candidates_of(sampler: Any, size: int) -> Candidates:
    """What a sampler's substitutes may be: nothing that the sampler itself would never give."""
    if type(sampler) is BatchSampler:
        sampler = sampler.sampler
    if isinstance(sampler, SubsetRandomSampler):
        return np.unique(np.asarray(sampler.indices, np.int64))
    return size if type(sampler) in (RandomSampler, SequentialSampler) else None

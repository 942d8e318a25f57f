"""Who takes the place of a sample that can't be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler, SubsetRandomSampler

from ...errors import OptionError
from ...rng import words
from ..keys.keys import KeyedIndex

__all__ = ["ATTEMPTS", "Candidates", "candidates_of", "substitute"]

ATTEMPTS = 16
"""How many substitutes of one sample may fail, too."""

Candidates: TypeAlias = int | NDArray[np.int64] | None
"""What a substitute is chosen from: all of so many samples, these indices, or (None) the others of the batch."""

_PURPOSE = 5
"""Of the random numbers, in docs/design/2026-11-21-interfaces.md."""


def substitute(key: KeyedIndex, attempt: int, candidates: Candidates, batch: Sequence[int]) -> KeyedIndex:
    """The sample that takes the place of the one with this key: a function of (seed, epoch, index, attempt).

    Its own draw is one that no visit of an epoch has, so it is augmented otherwise than where it belongs.

    Args:
        key: of the sample that failed.
        attempt: from 1.
        candidates: what to choose from.
        batch: all indices of the failed sample's batch.

    Raises:
        OptionError: there is nothing to choose from.
    """
    index = int(key)
    if candidates is None:
        candidates = np.array([other for other in batch if other != index], np.int64)
    count = candidates if isinstance(candidates, int) else len(candidates)
    if count == 0:
        raise OptionError(f"there is no other sample to take the place of sample {index}; use on_error='skip'")
    low, high, *_ = words(key.seed, key.epoch, index, attempt, _PURPOSE)
    choice = int(((low | high << 32) >> 11) * 2.0**-53 * count)
    chosen = choice if isinstance(candidates, int) else int(candidates[choice])
    return KeyedIndex(chosen, key.seed, key.epoch, 1 << 62 | (index << 4 | attempt - 1) & (1 << 62) - 1)


def candidates_of(sampler: Any, size: int) -> Candidates:
    """What a sampler's substitutes may be: nothing that the sampler itself would never give."""
    if type(sampler) is BatchSampler:
        sampler = sampler.sampler
    if isinstance(sampler, SubsetRandomSampler):
        return np.asarray(sampler.indices, np.int64)
    return size if type(sampler) in (RandomSampler, SequentialSampler) else None

"""The random generators of Python, numpy and torch, seeded by a sample's key while that sample is made."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

from ...rng import sample_generator, words
from .keys import KeyedIndex, SampleKeys

__all__ = ["collating", "keep_generators", "seeded"]

_SAMPLE, _COLLATE = 3, 4
"""Of the random numbers, in docs/design/2026-11-21-interfaces.md."""


@contextlib.contextmanager
def seeded(key: KeyedIndex, *, purpose: int = _SAMPLE, shared: bool = True) -> Iterator[None]:
    """Seeds the generators of this process for one sample.

    Args:
        key: of the sample.
        purpose: of the random numbers.
        shared: also those that all threads of a process share (random, numpy.random, torch); else only what
            `penstock.rng.current()` gives in this thread.
    """
    parts = words(key.seed, key.epoch, int(key), key.draw, purpose)
    if shared:
        random.seed(parts[0] | parts[1] << 32)
        np.random.seed(parts)
        torch.default_generator.manual_seed(parts[2] | parts[3] << 32)
    with sample_generator(parts[0] | parts[1] << 32 | parts[2] << 64 | parts[3] << 96):
        yield


@contextlib.contextmanager
def collating(keys: SampleKeys, *, shared: bool = True) -> Iterator[None]:
    """As `seeded`, for the collating of a batch: by the key of its first sample."""
    with seeded(keys.keyed()[0], purpose=_COLLATE, shared=shared):
        yield


@contextlib.contextmanager
def keep_generators() -> Iterator[None]:
    """Puts the generators that `seeded` seeds back to where they were."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])

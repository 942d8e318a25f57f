"""Datasets whose samples are random numbers, for tests of what a loader's seed fixes; importable by spawned workers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from penstock import rng


def from_random() -> float:
    return random.random()


def from_numpy() -> float:
    return float(np.random.random())


def from_torch() -> float:
    return float(torch.rand((), dtype=torch.float64))


def from_current() -> float:
    return float(rng.current().random())


ALL: tuple[Callable[[], float], ...] = (from_random, from_numpy, from_torch, from_current)


class Draws(torch.utils.data.Dataset[torch.Tensor]):
    """A sample is its index and two numbers from each source: (1 + 2 * sources,) float64."""

    def __init__(self, size: int, sources: tuple[Callable[[], float], ...] = ALL) -> None:
        self.size = size
        self.sources = sources

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> torch.Tensor:
        drawn = [source() for source in self.sources for _ in range(2)]
        return torch.tensor([float(index), *drawn], dtype=torch.float64)


class DrawsAtOnce(Draws):
    """The same, with the whole batch at once where that is asked for."""

    def __getitems__(self, indices: list[int]) -> list[torch.Tensor]:
        return [self[index] for index in indices]


class Mixing:
    """A `collate_fn` that draws: a row more, with a number of each source."""

    def __init__(self, sources: tuple[Callable[[], float], ...] = ALL) -> None:
        self.sources = sources

    def __call__(self, samples: list[torch.Tensor]) -> torch.Tensor:
        drawn = torch.tensor([source() for source in self.sources], dtype=torch.float64)
        return torch.cat([torch.cat(samples), drawn])


class Failing(Draws):
    """One sample draws, and then fails."""

    def __init__(self, size: int, bad: int) -> None:
        super().__init__(size)
        self.bad = bad

    def __getitem__(self, index: int) -> torch.Tensor:
        sample = super().__getitem__(index)
        if index == self.bad:
            raise ValueError(f"sample {index} is broken")
        return sample


def states() -> tuple[Any, ...]:
    """Where the generators of this process are, comparable."""
    numpy = np.random.get_state(legacy=False)
    words = numpy.pop("state")
    return random.getstate(), words["key"].tolist(), words["pos"], numpy, torch.get_rng_state().tolist()

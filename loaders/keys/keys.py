"""What the draws of a sample depend on: (seed, epoch, index, draw), for one sample and for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["KeyedIndex", "SampleKeys"]


class KeyedIndex(int):
    """An index that carries its key through samplers, queues and pickles; to a dataset it is the int.

    Attributes:
        seed, epoch, draw: with the index itself, the key of the sample's random draws.
    """

    seed: int
    epoch: int
    draw: int

    def __new__(cls, index: int, seed: int, epoch: int, draw: int) -> KeyedIndex:
        self = super().__new__(cls, index)
        self.seed = seed
        self.epoch = epoch
        self.draw = draw
        return self

    def __reduce__(self) -> tuple[type[KeyedIndex], tuple[int, int, int, int]]:
        return (KeyedIndex, (int(self), self.seed, self.epoch, self.draw))


@dataclass(frozen=True, slots=True, eq=False)
class SampleKeys:
    """The keys of the samples of one batch.

    Attributes:
        seed, epoch: shared by all of them.
        indices, draws: (n,) int64.
    """

    seed: int
    epoch: int
    indices: NDArray[np.int64]
    draws: NDArray[np.int64]

    @classmethod
    def of(cls, indices: Sequence[KeyedIndex]) -> SampleKeys:
        """The keys that indices of one iteration carry."""
        draws = np.array([index.draw for index in indices], np.int64)
        return cls(indices[0].seed, indices[0].epoch, np.array(indices, np.int64), draws)

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, rows: Sequence[int] | slice) -> SampleKeys:
        """The keys of some of the samples."""
        chosen = rows if isinstance(rows, slice) else np.array(rows, np.int64)
        return replace(self, indices=self.indices[chosen], draws=self.draws[chosen])

    def plain(self) -> list[int]:
        """What a dataset that draws nothing from keys is asked for."""
        indices: list[int] = self.indices.tolist()
        return indices

    def keyed(self) -> list[KeyedIndex]:
        """What an `Augmented` dataset is asked for: indices that carry their keys."""
        pairs = zip(self.indices.tolist(), self.draws.tolist(), strict=True)
        return [KeyedIndex(index, self.seed, self.epoch, draw) for index, draw in pairs]

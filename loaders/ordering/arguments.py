"""The arguments of a loader that are about Penstock's own order, checked, and the sampler that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike
from torch.utils.data import IterableDataset

from ...errors import OptionError
from ..options import integer
from .order import Order, Padding, check_seed
from .sampler import EpochCounter, OrderSampler
from .weights import make_weights

__all__ = ["OrderArguments"]

_DEFAULTS = {"rank": None, "padding": "wrap", "weights": None, "num_samples": None}
"""Of what only Penstock's own order can do."""


@dataclass(slots=True, eq=False)
class OrderArguments:
    """Arguments of `DataLoader`, which documents them.

    Raises:
        OptionError: one is no int, or is out of range, or they don't go together.
    """

    shuffle: bool | None
    seed: int | None
    rank: int | None
    world_size: int | None
    padding: Padding
    weights: ArrayLike | Literal["balanced"] | None
    num_samples: int | None

    def __post_init__(self) -> None:
        for name in ("seed", "rank", "world_size", "num_samples"):
            if getattr(self, name) is not None:
                setattr(self, name, integer(name, getattr(self, name)))
        if self.seed is not None:
            check_seed(self.seed)
        if (self.rank is None) != (self.world_size is None):
            raise OptionError(
                f"rank and world_size go together, got rank={self.rank}, world_size={self.world_size}; give both, or "
                "neither"
            )

    def check(self, dataset: Any, sampler: object) -> None:
        """Raises OptionError where they don't go together with the dataset, or with the sampler that was given."""
        if self.seed is not None and isinstance(dataset, IterableDataset):
            raise OptionError(
                f"seed={self.seed} orders the samples of map-style datasets, got the IterableDataset "
                f"{type(dataset).__name__}; leave out seed="
            )
        for name in [name for name, default in _DEFAULTS.items() if not _is(getattr(self, name), default)]:
            about = f"{name}={getattr(self, name)!r:.60} is about Penstock's own order"
            if sampler is not None:
                raise OptionError(f"{about}, and a sampler was given, which has its own; leave out one of the two")
            if self.seed is None:
                raise OptionError(f"{about}, which needs seed=; give a seed, or a DistributedSampler as the sampler")
        if self.weights is not None and self.shuffle is not None:
            raise OptionError(
                f"weights= draws samples at random, in place of shuffle, got shuffle={self.shuffle}; leave out shuffle="
            )

    def sampler(
        self, dataset: Any, batch_size: int | None, *, drop_last: bool, epochs: EpochCounter, keyed: bool
    ) -> OrderSampler | None:
        """The sampler of a loader that has no other; None without a seed."""
        if self.seed is None:
            return None
        order = Order(
            size=0,
            batch_size=1 if batch_size is None else integer("batch_size", batch_size),
            rank=self.rank or 0,
            world_size=1 if self.world_size is None else self.world_size,
            shuffle=bool(self.shuffle),
            seed=self.seed,
            drop_last=drop_last,
            padding=self.padding,
            weights=make_weights(dataset, self.weights, self.num_samples),
        )
        place = None if self.rank is None else (order.rank, order.world_size)
        return OrderSampler(dataset, order, epochs, place=place, keyed=keyed)


def _is(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, str) and value == default)

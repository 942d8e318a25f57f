"""Penstock's order as a torch sampler, the epoch that it is in, and the process that it is for."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator, Sized

import torch.distributed
from torch.utils.data import Sampler

from ...errors import OptionError
from ..keys.keys import SampleKeys
from .order import EpochOrder, Order

__all__ = ["END", "EpochCounter", "OrderSampler"]


END = 2**32 - 1
"""The epoch after the last one: draws are keyed by 32 bits of it, and states count one beyond what has been given."""


class EpochCounter:
    """Which epoch the next iteration is: 0, then one more each time, or what `set` said. `END` is never begun."""

    def __init__(self) -> None:
        self.next = 0

    def set(self, epoch: int) -> None:
        """Fixes the next epoch; OptionError unless it is an int and 0 <= epoch < 2**32 - 1."""
        try:
            number = operator.index(epoch)
        except TypeError as error:
            raise OptionError(f"epoch must be an int, got {epoch!r}") from error
        if not 0 <= number < END:
            raise OptionError(f"epoch must be 0 <= epoch < 2**32 - 1, got {number}; for example set_epoch(0)")
        self.next = number

    def check(self) -> None:
        """Raises OptionError where no epoch is left."""
        if self.next >= END:
            raise OptionError(f"epoch {END - 1} was the last one; set_epoch(0) begins anew")

    def take(self) -> int:
        """The epoch of an iteration that starts now; OptionError where none is left."""
        self.check()
        epoch = self.next
        self.next += 1
        return epoch


class OrderSampler(Sampler[int]):
    """The samples of one rank in Penstock's order, batch after batch; each iteration is one more epoch.

    `DataLoader(seed=...)` takes whole batches from `epoch_order` and does not iterate here; this is for code that
    builds another loader around `loader.sampler` or `loader.batch_sampler`.

    Args:
        dataset: asked for its length at each use.
        order: all but size, rank and world_size; its weights, where it has some, are those of the dataset's samples.
        epochs: the counter of the loader.
        place: (rank, world_size); None: torch.distributed's at the time of use, or (0, 1) without it.
        keyed: give each index with its key, for an `Augmented` dataset.
    """

    def __init__(
        self, dataset: Sized, order: Order, epochs: EpochCounter, *, place: tuple[int, int] | None, keyed: bool
    ) -> None:
        self.dataset = dataset
        self.epochs = epochs
        self._order = order
        self._place = place
        self._keyed = keyed

    @property
    def seed(self) -> int:
        """What the order, and all that is keyed by it, depends on beside the epoch."""
        return self._order.seed

    @property
    def order(self) -> Order:
        """The order as of now: the dataset's length and the place among the processes can still change.

        Raises:
            OptionError: the dataset has another length than its weights.
        """
        rank, world_size = self._place or _distributed_place()
        size, weights = len(self.dataset), self._order.weights
        if weights is not None:
            if len(weights) != size:
                raise OptionError(
                    f"weights were given for {len(weights)} samples, and the dataset now has {size}; make a new loader "
                    "with weights for them all"
                )
            size = weights.num_samples
        return dataclasses.replace(self._order, size=size, rank=rank, world_size=world_size)

    def over(self, place: tuple[int, int]) -> OrderSampler:
        """The same sampler for a given (rank, world_size), with the same counter of epochs."""
        return OrderSampler(self.dataset, self._order, self.epochs, place=place, keyed=self._keyed)

    def epoch_order(self, epoch: int, start: int = 0) -> EpochOrder:
        """This rank's batches in one epoch, from global position `start` on."""
        return self.order.epoch(epoch, start)

    def set_epoch(self, epoch: int) -> None:
        """Fixes the epoch of the next iteration, as `torch.utils.data.DistributedSampler` has it."""
        self.epochs.set(epoch)

    def __len__(self) -> int:
        return self.order.samples

    def __iter__(self) -> Iterator[int]:
        # The epoch is taken at the first step: torch's worker iterators ask for iter() twice and drop the first unused.
        epoch = self.epochs.take()
        batches = self.epoch_order(epoch)
        for number in range(len(batches)):
            keys = SampleKeys(self.seed, epoch, *batches.batch(number))
            yield from keys.keyed() if self._keyed else keys.plain()


def _distributed_place() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1

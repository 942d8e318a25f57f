"""The order of an epoch as a function: position -> sample index, cut into global batches and rank blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..._core import Permutation
from ...errors import OptionError
from .weights import Weights

__all__ = ["EpochOrder", "Order", "Padding", "check_seed"]

Padding: TypeAlias = Literal["wrap", "none"]
"""What becomes of a last global batch that does not divide evenly over the ranks; see `Order`."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which samples one rank visits, in which batches; the same on every rank but for `rank`.

    Global batch k is `order[k * G : (k + 1) * G]` with G = batch_size * world_size, and rank r takes its r-th block. So
    the sequence of global batches is the same for every world size that divides G.

    Attributes:
        size: samples in an epoch: those of the dataset, or with weights as many as are drawn.
        batch_size: samples in a batch of one rank.
        rank, world_size: which of how many processes.
        shuffle: the order is the keyed permutation of (seed, epoch), else 0, 1, 2 ...
        seed: 0 <= seed < 2**64.
        drop_last: the last global batch is dropped when it is partial.
        padding: how a partial last global batch is shared. "wrap": it is filled up from the start of the order (over
            and over, if need be) to the next multiple of world_size, and every rank takes an equal block; so on one
            rank nothing is added. "none": nothing is added and blocks are cut as they fall: rank r takes its samples
            r * batch_size to (r + 1) * batch_size, so that later ranks may have a smaller last batch or one batch
            fewer. For evaluation: every sample exactly once over all ranks.
        weights: the order is draws with replacement by these weights, keyed by (seed, epoch, position); `shuffle` adds
            nothing then.
    """

    size: int
    batch_size: int
    rank: int = 0
    world_size: int = 1
    shuffle: bool = False
    seed: int = 0
    drop_last: bool = False
    padding: Padding = "wrap"
    weights: Weights | None = None

    def __post_init__(self) -> None:
        if self.size < 0 or self.batch_size < 1:
            raise OptionError(
                f"an order needs size >= 0 and batch_size >= 1, got size={self.size}, batch_size={self.batch_size}"
            )
        if not 0 <= self.rank < self.world_size:
            raise OptionError(
                f"rank must be 0 <= rank < world_size, got rank={self.rank}, world_size={self.world_size}"
            )
        check_seed(self.seed)
        if self.padding not in ("wrap", "none"):
            raise OptionError(f"padding must be 'wrap' or 'none', got {self.padding!r}")

    @property
    def global_batch_size(self) -> int:
        """Samples of one step of all ranks together."""
        return self.batch_size * self.world_size

    @property
    def samples(self) -> int:
        """How many samples this rank visits in an epoch, padding included."""
        return self._samples(self.size)

    @property
    def batches(self) -> int:
        """How many batches this rank has in an epoch."""
        return self._batches(self.size)

    def epoch(self, epoch: int, start: int = 0) -> EpochOrder:
        """The order of one epoch, from position `start` on."""
        return EpochOrder(self, epoch, start)

    def _samples(self, left: int) -> int:
        """How many samples this rank visits while the last `left` positions of an epoch are left."""
        whole, rest = divmod(left, self.global_batch_size)
        return whole * self.batch_size + len(self._block(rest))

    def _batches(self, left: int) -> int:
        return -(-self._samples(left) // self.batch_size)

    def _block(self, count: int) -> range:
        """This rank's part of a global batch in which `count` samples are left."""
        if count == self.global_batch_size:
            return range(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        if self.drop_last:
            return range(0)
        if self.padding == "none":
            return range(min(self.rank * self.batch_size, count), min((self.rank + 1) * self.batch_size, count))
        block = -(-count // self.world_size)
        return range(self.rank * block, (self.rank + 1) * block)


def check_seed(seed: int) -> None:
    """Raises OptionError for a seed that does not fit its key."""
    if not 0 <= seed < 2**64:
        raise OptionError(f"seed must be 0 <= seed < 2**64, got {seed}")


class EpochOrder:
    """The batches of one rank in one epoch, each found in O(1): nothing before it is replayed.

    Args:
        order: of the epoch.
        epoch: 0 <= epoch < 2**32.
        start: how many samples were delivered already, over all ranks. Global batch k is then `order[start + k * G :
            start + (k + 1) * G]`; a start that is a multiple of G goes on exactly with the batches that were left, and
            any other visits the samples that were left, whatever the batch size and the number of ranks were before.

    Raises:
        OptionError: start is not 0 <= start <= order.size.
    """

    def __init__(self, order: Order, epoch: int, start: int = 0) -> None:
        if not 0 <= start <= order.size:
            raise OptionError(
                f"an epoch of {order.size} samples can start at positions 0 to {order.size}, got start={start}; a "
                "saved position belongs to the dataset that it was saved with"
            )
        self._order = order
        self._start = start
        self._take = _lookup(order, epoch)

    def __len__(self) -> int:
        return self._order._batches(self._order.size - self._start)

    def batch(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(indices, draws) of batch `number`, both (n,) int64.

        A draw is 0 where an epoch visits each index once. Samples drawn by weights, which can repeat, and padding have
        their global position.

        Raises:
            IndexError: this rank has no such batch.
        """
        positions = self._positions(number)
        draws = np.arange(positions.start, positions.stop, dtype=np.int64)
        if self._order.weights is None:
            draws[draws < self._order.size] = 0
        return self._indices(positions), draws

    def stop(self, number: int) -> int:
        """How many samples of the epoch are delivered, over all ranks, once every rank has had its batch `number`.

        It is the `start` that goes on after that batch. After the last global batch it is the size of the order, also
        where `drop_last` leaves samples over: nothing is left of the epoch.
        """
        order = self._order
        step = order.global_batch_size
        left = order.size - self._start - (number + 1) * step
        return order.size if left < (step if order.drop_last else 1) else order.size - left

    def _positions(self, number: int) -> range:
        """Global positions of this rank's batch; those from `size` on are padding."""
        if not 0 <= number < len(self):
            raise IndexError(f"batch {number} is out of range: this rank has {len(self)} batches left in the epoch")
        order = self._order
        start = self._start + number * order.global_batch_size
        block = order._block(min(order.size - start, order.global_batch_size))
        return range(start + block.start, start + block.stop)

    def _indices(self, positions: range) -> NDArray[np.int64]:
        size = self._order.size
        if positions.stop <= size:
            return self._take(positions.start, positions.stop)
        parts, position = [], positions.start
        while position < positions.stop:
            first = position % size
            count = min(positions.stop - position, size - first)
            parts.append(self._take(first, first + count))
            position += count
        return np.concatenate(parts)


def _lookup(order: Order, epoch: int) -> Callable[[int, int], NDArray[np.int64]]:
    """The function from positions start <= p < stop of an epoch, 0 <= p < size, to their indices."""
    if order.weights is not None:
        return partial(order.weights.take, order.seed, epoch)
    if order.shuffle and order.size:
        return Permutation(order.size, order.seed, epoch).take
    return partial(np.arange, dtype=np.int64)

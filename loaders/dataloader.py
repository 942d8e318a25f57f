"""The drop-in `DataLoader`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
import torch.utils.data
from torch.utils.data import BatchSampler, IterableDataset, Sampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ..augment import Pipeline
from ..errors import OptionError
from .augmented import Augmented, augmented
from .engines.choice import choose_engine
from .engines.native import NativeIterator
from .engines.torch_workers import InlineIterator, ProcessIterator
from .explaining import explain
from .keying import Keying, OrderKeying, SamplerKeying, visits_once
from .layout import check_memory_format, collate_channels_last
from .order import Order, Padding, check_seed
from .sampler import EpochCounter, OrderSampler
from .wrappers import refuse_transform

__all__ = ["DataLoader"]

_T_co = TypeVar("_T_co", covariant=True)

_FIXED = frozenset({"shuffle", "augment", "seed", "rank", "world_size", "padding", "memory_format"})


class DataLoader(torch.utils.data.DataLoader[_T_co]):
    """`torch.utils.data.DataLoader`, with a declared augmentation, a native engine and an order of its own.

    Every argument of torch's has torch's meaning, and without the ones below all is torch's. Every argument is an
    attribute of the same name. What can differ from torch with `augment` is only who does the work: where `explain()`
    says "native", C++ threads take the place of worker processes and `multiprocessing_context` has nothing to do.

    Args:
        augment: the pipeline that images go through. The same as giving `Augmented(dataset, augment)` as the dataset,
            which is what `loader.dataset` is then; so a loader rebuilt from it keeps the pipeline.
        seed: 0 <= seed < 2**64. The samples' order is Penstock's own (see `penstock.loaders.order.Order`), and order
            and draws depend on (seed, epoch) and the sample alone. None, or with a sampler or batch sampler: order and
            use of random numbers are exactly torch's, and draws are keyed by the base seed that torch draws.
        rank, world_size: which of how many processes this is, both or neither; needs `seed` and no sampler. None:
            torch.distributed's, if it is initialised by the time it counts, or one process; `loader.sampler` and
            `loader.batch_sampler` are then the order of all ranks, for frameworks that share it out themselves.
        padding: "wrap" or "none": what becomes of a last global batch that does not divide over the ranks; see `Order`.
            "none" (for evaluation: each sample exactly once) needs `seed` and no sampler, and then ranks can
            differ in their number of batches.
        memory_format: torch.contiguous_format or torch.channels_last: how batches of images, (n, 3, height, width)
            in any case, lie in memory. Channels-last needs a pipeline, a batch size and no `collate_fn` of your own;
            the native engine writes it directly, torch's workers convert as they collate (which `collate_fn` is then).

    Raises:
        OptionError: Penstock's arguments don't go together with each other, the dataset or a sampler; the rest raises
            as in torch.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: torch.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        augment: Pipeline | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        padding: Padding = "wrap",
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.shuffle, self.padding, self.memory_format = shuffle, padding, memory_format
        self.seed = None if seed is None else _integer("seed", seed)
        self.rank = None if rank is None else _integer("rank", rank)
        self.world_size = None if world_size is None else _integer("world_size", world_size)
        self._check_order_arguments(dataset, sampler if batch_sampler is None else batch_sampler)
        if augment is not None:
            dataset = augmented(dataset, augment)
        self.augment = dataset.pipeline if isinstance(dataset, Augmented) else None
        check_memory_format(
            memory_format,
            augmented=self.augment is not None,
            batch_size=1 if batch_sampler is not None else batch_size,
            collate_fn=collate_fn,
        )
        if memory_format == torch.channels_last:
            collate_fn = collate_channels_last
        self._epochs = EpochCounter()
        self._order_sampler: OrderSampler | None = None
        if self.seed is not None and sampler is None and batch_sampler is None:
            self._order_sampler = self._make_order_sampler(dataset, batch_size, drop_last)
            # Others see an order that torch.distributed has not shared out: who rebuilds the loader does that.
            sampler = self._order_sampler if self.rank is not None else self._order_sampler.over((0, 1))
            shuffle = False
        super().__init__(
            dataset,
            batch_size,
            shuffle,
            sampler,
            batch_sampler,
            num_workers,
            collate_fn,
            pin_memory,
            drop_last,
            timeout,
            worker_init_fn,
            multiprocessing_context,
            generator,
            prefetch_factor=prefetch_factor,
            persistent_workers=persistent_workers,
            pin_memory_device=pin_memory_device,
            in_order=in_order,
        )

    def set_epoch(self, epoch: int) -> None:
        """Fixes the epoch of the next iteration, and of the sampler where it has `set_epoch` too.

        Without it the first `iter()` is epoch 0 and each later one is one more, also after a `break`.
        """
        self._epochs.set(epoch)
        for sampler in (self.sampler, self.batch_sampler):
            if callable(getattr(sampler, "set_epoch", None)):
                sampler.set_epoch(epoch)  # type: ignore[union-attr]  # torch's base classes have none

    def explain(self) -> str:
        """Which engine runs this loader, each reason where it is not the native one, its order, keys and layout."""
        return explain(self)

    def __iter__(self) -> _BaseDataLoaderIter:
        if self.augment is None and self._order_sampler is None:
            return super().__iter__()
        if isinstance(self._iterator, NativeIterator) and not self._iterator.usable:
            self._iterator = None
        iterator = super().__iter__()
        self._epochs.take()
        return iterator

    def __setattr__(self, attr: str, val: Any) -> None:
        if attr in _FIXED and attr in vars(self):
            raise ValueError(f"{attr} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(attr, val)

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.augment is None and self._order_sampler is None:
            return super()._get_iterator()
        if self.augment is not None:
            refuse_transform(self.dataset)
        choice = choose_engine(self)
        if choice.source is not None and self.augment is not None:
            return NativeIterator(self, choice.source, self.augment)
        if self.num_workers == 0:
            return InlineIterator(self)
        self.check_worker_number_rationality()
        return ProcessIterator(self)

    @property
    def _index_sampler(self) -> Any:
        # What torch's iterators and `len` ask.
        if self._order_sampler is None:
            return super()._index_sampler
        if self.batch_size is None:
            return self._order_sampler
        return BatchSampler(self._order_sampler, self.batch_size, self.drop_last)

    def _keying(self, base_seed: float) -> Keying:
        """The keys of an iteration that starts now; `base_seed` is what torch drew for its iterator."""
        epoch = self._epochs.next
        if self._order_sampler is not None:
            order = self._order_sampler.epoch_order(epoch)
            return OrderKeying(order, self._order_sampler.seed, epoch, single=self.batch_sampler is None)
        given = self.dataset.dataset if isinstance(self.dataset, Augmented) else self.dataset
        size = len(given) if hasattr(given, "__len__") else 0
        return SamplerKeying(int(base_seed), epoch, size, once=visits_once(self._index_sampler))

    def _check_order_arguments(self, dataset: Any, sampler: object) -> None:
        if self.seed is not None and isinstance(dataset, IterableDataset):
            raise OptionError(
                f"seed={self.seed} orders the samples of map-style datasets, got the IterableDataset "
                f"{type(dataset).__name__}; leave out seed="
            )
        if self.seed is not None:
            check_seed(self.seed)
        if (self.rank is None) != (self.world_size is None):
            raise OptionError(
                f"rank and world_size go together, got rank={self.rank}, world_size={self.world_size}; give both, or "
                "neither"
            )
        given = [name for name, default in (("rank", None), ("padding", "wrap")) if getattr(self, name) != default]
        for name in given:
            about = f"{name}={getattr(self, name)!r} is about Penstock's own order"
            if sampler is not None:
                raise OptionError(f"{about}, and a sampler was given, which has its own; leave out one of the two")
            if self.seed is None:
                raise OptionError(f"{about}, which needs seed=; give a seed, or a DistributedSampler as the sampler")

    def _make_order_sampler(self, dataset: Any, batch_size: int | None, drop_last: bool) -> OrderSampler:
        order = Order(
            size=0,
            batch_size=1 if batch_size is None else _integer("batch_size", batch_size),
            rank=self.rank or 0,
            world_size=1 if self.world_size is None else self.world_size,
            shuffle=bool(self.shuffle),
            seed=self.seed or 0,
            drop_last=drop_last,
            padding=self.padding,
        )
        place = None if self.rank is None else (order.rank, order.world_size)
        return OrderSampler(dataset, order, self._epochs, place=place, keyed=self.augment is not None)


def _integer(name: str, value: Any) -> int:
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise OptionError(f"{name} must be an int, got {value!r}")

"""The drop-in `DataLoader`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar

import torch
import torch.utils.data
from numpy.typing import ArrayLike
from torch.utils.data import BatchSampler, Sampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ..augment import Augmentation
from .augmented import Augmented, augmented
from .devices.delivery import DeviceIterator, check_devices
from .devices.devices import InPlace, has_streams
from .devices.scatter import Device
from .engines.opening import open_iterator
from .engines.placement import place
from .layout import collating
from .options import EngineOption, ErrorPolicy, ExecutorOption, Options, WorkerDeathPolicy, WorkerKind
from .ordering.arguments import OrderArguments
from .ordering.order import Padding
from .ordering.sampler import OrderSampler
from .state.session import Session
from .stats.explaining import explain
from .stats.stats import NOTHING_YET, Stats

__all__ = ["DataLoader"]

_T_co = TypeVar("_T_co", covariant=True)


class DataLoader(torch.utils.data.DataLoader[_T_co]):
    """`torch.utils.data.DataLoader`, with a declared augmentation, a native engine and an order of its own.

    Every argument of torch's has torch's meaning, and without the ones below all is torch's. Every argument is an
    attribute of the same name. What can differ from torch with `augment`, or with a dataset whose torchvision
    transform is recognised (`recognition`), is only who does the work: where `explain()` says "native", C++ threads
    take the place of worker processes and `multiprocessing_context` has nothing to do.

    Args:
        augment: the pipeline that images go through, or `Views`, with which batches have a list of tensors in the place
            of images, one for each view. With `MixUp` or `CutMix` at its end batches are [images, labels], mixed, with
            float labels (batch, num_classes); with `devices`, each slice by itself. The same as giving
            `Augmented(dataset, augment)` as the dataset, which is what `loader.dataset` is then; so a loader rebuilt
            from it keeps the pipeline.
        seed: 0 <= seed < 2**64. The samples' order is Penstock's own (`penstock.loaders.ordering.order.Order`), and
            order, draws and Python's, numpy's and torch's random numbers in each sample depend on (seed, epoch) and the
            sample alone. None, or with a sampler or batch sampler: order and use of random numbers are exactly torch's,
            and draws are keyed by the base seed that torch draws.
        rank, world_size: which of how many processes this is, both or neither; needs `seed` and no sampler. None:
            torch.distributed's, if it is initialised by the time it counts, or one process; `loader.sampler` and
            `loader.batch_sampler` are then the order of all ranks, for frameworks that share it out themselves.
        padding: "wrap" or "none": what becomes of a last global batch that does not divide over the ranks; see `Order`.
            "none" (for evaluation: each sample exactly once) needs `seed` and no sampler, and then ranks can
            differ in their number of batches.
        weights: (n,) numbers of 0 or more: samples are drawn with replacement, in proportion; "balanced": each class
            equally often. Needs `seed`, in place of `shuffle`; shared out over ranks as any other order.
        num_samples: how many draws by `weights` are an epoch; None: as many as the dataset has samples.
        memory_format: torch.contiguous_format or torch.channels_last: how batches of images, (n, 3, height, width)
            in any case, lie in memory. Channels-last needs a pipeline, a batch size and no `collate_fn` of your own;
            the native engine writes it directly, torch's workers convert as they collate (which `collate_fn` is then).
        executor: who applies the pipeline. "auto": native kernels on a CPU; with `device` (or `devices`) on a CUDA GPU
            they make uint8 images of one size, and torch does the rest there. "native": all by native kernels. "torch":
            native kernels until all images have one size, the rest by torch on the device, or on the CPU. "dali": by
            NVIDIA DALI. `explain()` says where each op runs.
        executor_fallback: what the executor can't run is run natively, and all before it; else that is an error.
        engine: "auto": C++ threads where they can do it, else Python; "native": OptionError where they can't;
            "python": never. `explain()` says which it is, and why.
        workers: "processes" or "threads": who runs Python samples, where it is not the native engine.
        on_error: what becomes of a sample that can't be made. "raise"; "skip": its batch is shorter (one process only);
            "substitute": another sample takes its place, chosen by (seed, epoch, index, attempt).
        max_errors: how many samples may fail in an epoch of one rank before `TooManyErrorsError`.
        error_log: a file to which each skipped or substituted sample is appended, as a line of JSON.
        on_worker_death: "raise", as torch; "restart": a worker process that dies is replaced, and its batches are made
            again, up to `max_restarts` times.
        watchdog: after how many seconds at one sample a worker's sample, stage and stacks are logged; 0: never. None:
            60 wherever workers are Penstock's own or the engine is native.
        device: where batches are delivered, "cuda:0" for example: by asynchronous copies from pinned memory,
            `prefetch_to_device` batches ahead.
        devices: several of them: each batch becomes the list that `scatter` makes of it, each slice sent directly.
        progress: show a bar (tqdm) with images/s and the share of time spent waiting for data.

    Raises:
        OptionError: Penstock's arguments don't go together with each other, the dataset or a sampler; the rest raises
            as in torch.
        SpecError: `executor` can't run an op of the pipeline.
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
        augment: Augmentation | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        padding: Padding = "wrap",
        weights: ArrayLike | Literal["balanced"] | None = None,
        num_samples: int | None = None,
        memory_format: torch.memory_format = torch.contiguous_format,
        executor: ExecutorOption = "auto",
        executor_fallback: bool = False,
        engine: EngineOption = "auto",
        workers: WorkerKind = "processes",
        on_error: ErrorPolicy = "raise",
        max_errors: int = 100,
        error_log: str | os.PathLike[str] | None = None,
        on_worker_death: WorkerDeathPolicy = "raise",
        max_restarts: int = 10,
        watchdog: float | None = None,
        device: Device | None = None,
        devices: Sequence[Device] | None = None,
        prefetch_to_device: int = 2,
        progress: bool = False,
    ) -> None:
        order = OrderArguments(shuffle, seed, rank, world_size, padding, weights, num_samples)
        self._options = Options(
            executor,
            engine,
            workers,
            on_error,
            max_errors,
            error_log,
            on_worker_death,
            max_restarts,
            watchdog,
            executor_fallback,
        )
        self._keep_arguments(order, self._options)
        self.memory_format, self.progress = memory_format, progress
        self._deliver_to(device, devices, prefetch_to_device)
        # Copies from pinned memory are asynchronous; engines make their batches there.
        pin_memory = pin_memory or any(map(has_streams, self._targets))
        self._options.check_dataset(dataset)
        order.check(dataset, sampler if batch_sampler is None else batch_sampler)
        if augment is not None:
            dataset = augmented(dataset, augment)
        self.augment = dataset.pipeline if isinstance(dataset, Augmented) else None
        keyed, size = self.augment is not None, batch_size if batch_sampler is None else 1
        collate_fn = collating(memory_format, collate_fn, augmented=keyed, batch_size=size)
        self._session = Session()
        self._order_sampler: OrderSampler | None = None
        if sampler is None and batch_sampler is None:
            epochs = self._session.epochs
            self._order_sampler = order.sampler(dataset, batch_size, drop_last=drop_last, epochs=epochs, keyed=keyed)
        if self._order_sampler is not None:
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
        place(self)  # what can't run is refused here, not at the first batch

    def _keep_arguments(self, order: OrderArguments, options: Options) -> None:
        self.shuffle, self.seed, self.rank, self.world_size = order.shuffle, order.seed, order.rank, order.world_size
        self.padding, self.weights, self.num_samples = order.padding, order.weights, order.num_samples
        self.executor, self.executor_fallback = options.executor, options.executor_fallback
        self.engine, self.workers = options.engine, options.workers
        self.on_error, self.max_errors, self.error_log = options.on_error, options.max_errors, options.error_log
        self.on_worker_death, self.max_restarts = options.on_worker_death, options.max_restarts
        self.watchdog = options.watchdog

    def _deliver_to(self, device: Device | None, devices: Sequence[Device] | None, prefetch_to_device: int) -> None:
        self.device, self.devices, self.prefetch_to_device = device, devices, prefetch_to_device
        target, targets = check_devices(device, devices, prefetch_to_device)
        self._targets = targets or (() if target is None else (target,))

    def set_epoch(self, epoch: int) -> None:
        """Fixes the epoch of the next iteration, and of the sampler where it has `set_epoch` too.

        Without it the first `iter()` is epoch 0 and each later one is one more, also after a `break`.
        """
        self._session.set_epoch(epoch)
        for sampler in (self.sampler, self.batch_sampler):
            if callable(getattr(sampler, "set_epoch", None)):
                sampler.set_epoch(epoch)  # type: ignore[union-attr]  # torch's base classes have none

    def explain(self) -> str:
        """Which engine runs this loader, each reason where it is not the native one, its order, keys and layout.

        After some batches also what bounds the pass under way, or the latest, and what to change.
        """
        return explain(self)

    def stats(self) -> Stats:
        """The numbers of the pass under way, or of the latest: rates, waiting, stages, and what bounds it."""
        current = self._session.current
        return NOTHING_YET if current is None else current.meter.stats()

    def state_dict(self) -> dict[str, Any]:
        """Where this loader is: a few integers, to be saved beside the model.

        It is about the batches that the consumer was given, not about those that were prefetched. After the last batch
        nothing is left of its epoch; once the end was seen (the `for` loop is over) the state is the start of the next
        epoch.

        - With Penstock's own order (`seed=`): {version, seed, size, shuffle, epoch, position}. Another loader of this
          order goes on from there, with any number of workers, ranks and any batch size.
        - With torch's samplers: the batches delivered, the base seed and the state of the generators that the order is
          drawn from. Resuming draws the order again, and no data.
        - Iterable datasets: their own state, where they have `state_dict` and `load_state_dict` (with worker processes:
          each worker's). Others give everything again from the start of the epoch, and the loader drops it.

        Raises:
            OptionError: `in_order=False` with worker processes: what was delivered is then no position.
        """
        return self._session.state_dict(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The next `iter()` goes on exactly where `state_dict` was taken; batches before it are not read again.

        Raises:
            OptionError: the state is of another loader; the message says what differs.
        """
        self._session.load_state_dict(self, state_dict)
        self._iterator = None

    def __iter__(self) -> _BaseDataLoaderIter:
        if not getattr(self._iterator, "usable", True):
            self._iterator = None
        with self._session.starting(self):
            return super().__iter__()

    def check_worker_number_rationality(self) -> None:
        """Warns of more worker processes than cores, as torch; not where threads may do the work."""
        if self.augment is None and self.workers == "processes":
            super().check_worker_number_rationality()

    def __setattr__(self, attr: str, val: Any) -> None:
        # A subclass may have kept its own arguments under these names before it called our constructor. What torch's
        # has set last says that it is over; `shuffle` is no attribute of torch's, so anybody may use the name.
        if attr in _FIXED and "_iterator" in vars(self):
            raise ValueError(f"{attr} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(attr, val)

    def _get_iterator(self) -> Any:
        placement = place(self)
        inner = open_iterator(self, placement)
        finishings = placement.finishings()
        if self._targets:
            ahead = self.prefetch_to_device
            return DeviceIterator(inner, device=self.device, devices=self.devices, ahead=ahead, finishings=finishings)
        if finishings:
            return DeviceIterator(inner, device="cpu", ahead=1, finishings=finishings, streams=lambda _: InPlace())
        return inner

    @property
    def _index_sampler(self) -> Any:
        # What torch's iterators and `len` ask.
        if self._order_sampler is None:
            return super()._index_sampler
        if self.batch_size is None:
            return self._order_sampler
        return BatchSampler(self._order_sampler, self.batch_size, self.drop_last)


_FIXED = frozenset(inspect.signature(DataLoader).parameters) - frozenset(
    inspect.signature(torch.utils.data.DataLoader).parameters
)
"""Arguments that must not be set later; torch has its own."""

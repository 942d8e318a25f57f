"""The native engine: C++ threads read, decode and augment whole batches without Python."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ... import _core
from ...augment.views import pipelines_of
from ...errors import EngineClosedError, OptionError
from ...formats.image import decode_rgb
from ...record import RecordSource
from ..faults.policies import candidates, fault_log
from ..keys.keying import Request
from ..keys.keys import SampleKeys
from ..state.passes import Cursor
from ..stats.stats import Counters
from .base import EngineIterator
from .batch_engine import BatchEngine
from .making import BatchMaker, NativeBatch, counters_of
from .mending import Mender

if TYPE_CHECKING:
    from ...augment import Augmentation, Pipeline
    from ..dataloader import DataLoader

__all__ = ["NativeIterator"]


class NativeIterator(EngineIterator, _BaseDataLoaderIter):
    """One pass over a loader's batches `[images, labels]`, in order, each in tensors of its own; of views, `[[images of
    view 0, ...], labels]`.

    The memory of images is used again for a later batch once nobody holds it any more, in whatever form (see
    `_core.BufferPool`); so, like tensors from torch's workers, they can't be resized to more than they are. Pinned
    memory is torch's own, which also knows of copies to a device that are under way.

    As with torch's workers, `prefetch_factor * num_workers` batches are under way (at least one), the error of a batch
    is raised at that batch's step, and the next step goes on with the next batch. The threads end with the pass (with
    `persistent_workers`: with the loader), with the last reference, and at exit.

    Args:
        loader: whose arguments count.
        source: the records behind its dataset.
        augmentation: a pipeline with a fixed output size, or views of such.
    """

    engine = "native"

    _device = torch.device("cpu")
    """Where batches are made."""

    def __init__(self, loader: DataLoader[Any], source: RecordSource, augmentation: Augmentation) -> None:
        if loader.num_workers == 0 and loader.timeout:
            raise OptionError(
                f"timeout={loader.timeout} needs num_workers > 0: without workers the caller's thread makes the batch"
            )
        super().__init__(loader)
        self._ahead = max(1, (loader.prefetch_factor or 0) * loader.num_workers)
        self._maker = BatchMaker(
            loader,
            source,
            augmentation,
            self._open_engine(loader, pipelines_of(augmentation)),
            ahead=self._ahead,
            pin_memory=self._pin_memory,
            device=self._device,
            name=self.engine,
        )
        self._mender = Mender(self._maker, loader.on_error, candidates(loader))
        self.close = self._maker.close
        self._batches: deque[NativeBatch] = deque()
        self._stepping = threading.RLock()  # several threads may share out one pass's batches
        self._begin(loader)

    def _open_engine(self, loader: DataLoader[Any], pipelines: Sequence[Pipeline]) -> BatchEngine:
        """What makes the batches of this loader."""
        return _core.Engine(
            [pipeline.program for pipeline in pipelines],
            threads=loader.num_workers,
            fallback=decode_rgb,
            channels_last=loader.memory_format == torch.channels_last,
        )

    @property
    def usable(self) -> bool:
        """False in a forked child (threads don't survive a fork) and after `close`."""
        return self._maker.usable

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._begin_pass(loader, self._base_seed, keyed=True)
        self._keying.prime(self._sampler_iter)
        self._faults = fault_log(loader, self._pass)
        self._exhausted = False
        if self._num_workers:
            while len(self._batches) < self._ahead and self._enqueue():
                self._start(self._batches[-1])

    def _reset(self, loader: DataLoader[Any], first_iter: bool = False) -> None:
        # Called by torch's loader for each further pass with persistent workers.
        while self._batches:
            self._finish(self._batches[0])
            self._batches.popleft()
        super()._reset(loader, first_iter)
        self._begin(loader)

    def take(self) -> tuple[list[Any], Cursor]:
        with self._stepping:
            # torch's own marks each step for its profiler, which costs as much as the rest of the step together.
            if torch.autograd.profiler._is_profiler_enabled:
                batch = _BaseDataLoaderIter.__next__(self)
            else:
                batch = self._next_data()
                self._num_yielded += 1
            return batch, self._cursor

    def ready(self) -> bool:
        with self._stepping:
            if not self._batches:
                return self._exhausted
            ticket = self._batches[0].ticket
            return ticket is None or self._maker.engine.ready(ticket)

    def _next_data(self) -> list[Any]:  # type: ignore[override]  # torch says: never returns
        self._maker.check_usable()
        if not self.close.alive and self._batches:
            raise EngineClosedError("this iterator was closed; call iter(loader) for a new pass")
        while True:
            tensors = self._step()
            if tensors is not None:
                return tensors

    def _step(self) -> list[Any] | None:
        if not self._batches and not self._enqueue():
            if not self._persistent_workers:
                self.close()
            raise StopIteration
        batch = self._batches[0]
        if self._num_workers:
            self._pass.meter.queue(self._count_finished())
        # It leaves the queue only when it is finished: after Ctrl-C or a timeout it is still the next one.
        failed = self._finish(batch)
        self._batches.popleft()
        self._cursor = batch.cursor
        if self._num_workers and self._enqueue():
            self._start(self._batches[-1])
        if batch.failure is not None:
            raise batch.failure
        try:
            return self._mender.tensors(batch, failed)
        finally:
            self._cursor = replace(batch.cursor, keys=batch.keys)  # of those that came in
            self._faults.add(batch.failures)

    def _enqueue(self) -> bool:
        """Appends the next batch to the queue, if there is one."""
        if not self._exhausted:
            began = perf_counter()
            try:
                request = self._keying.next(self._sampler_iter)
            except StopIteration:
                self._exhausted = True
            else:
                self._pass.meter.spent("lookup", perf_counter() - began)
                self._batches.append(NativeBatch(_keys_of(request), request.cursor))
        return not self._exhausted

    def _start(self, batch: NativeBatch) -> None:
        try:
            self._mender.start(batch, self._pass.meter)
        except Exception as error:  # whatever the dataset raises belongs to the step of this batch
            batch.failure = error

    def _finish(self, batch: NativeBatch) -> Sequence[tuple[int, BaseException]]:
        """Waits for a batch: the rows that failed, with their errors."""
        if batch.ticket is None and batch.failure is None and len(batch.keys):
            self._start(batch)
        return self._maker.wait(batch, self._timeout)

    def _count_finished(self) -> int:
        """Batches that the consumer could have at once."""
        finished = 0
        for batch in self._batches:
            if batch.ticket is not None and not self._maker.engine.ready(batch.ticket):
                break
            finished += 1
        return finished

    def _counters(self) -> Callable[[], Counters]:
        return partial(counters_of, self._maker.engine)


def _keys_of(request: Request) -> SampleKeys:
    if request.keys is None:
        raise OptionError("the native engine needs keys for its samples")
    return request.keys

"""The native engine: C++ threads read, decode and augment whole batches without Python."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ... import _core
from ...errors import EngineClosedError, OptionError, RecordError
from ...formats.image import decode_rgb
from ...record import Codec, Records, RecordSource
from ..keying import Request
from ..keys import SampleKeys
from ..passes import Cursor
from ..stats import Counters, StageCounters
from .base import EngineIterator

if TYPE_CHECKING:
    from ...augment import Pipeline
    from ..dataloader import DataLoader

__all__ = ["NativeIterator"]

# The consumer still has its last batch when it is given the next one.
_HELD_BY_CONSUMER = 2

_DTYPES = {"uint8": torch.uint8, "float32": torch.float32, "float16": torch.float16}


@dataclass(slots=True)
class _Batch:
    """One batch: waiting to be started, under way (it has a ticket), or kept from starting (by a failure)."""

    keys: SampleKeys
    cursor: Cursor
    tensors: list[torch.Tensor] = field(default_factory=list)
    ticket: int | None = None
    failure: Exception | None = None


class NativeIterator(EngineIterator, _BaseDataLoaderIter):
    """One pass over a loader's batches `[images, labels]`, in order, each in tensors of its own.

    The memory of images is used again for a later batch once nobody holds it any more, in whatever form (see
    `_core.BufferPool`); so, like tensors from torch's workers, they can't be resized to more than they are. Pinned
    memory is torch's own, which also knows of copies to a device that are under way.

    As with torch's workers, `prefetch_factor * num_workers` batches are under way (at least one), the error of a batch
    is raised at that batch's step, and the next step goes on with the next batch. The threads end with the pass (with
    `persistent_workers`: with the loader), with the last reference, and at exit.

    Args:
        loader: whose arguments count.
        source: the records behind its dataset.
        pipeline: with a fixed output size.
    """

    engine = "native"

    def __init__(self, loader: DataLoader[Any], source: RecordSource, pipeline: Pipeline) -> None:
        if loader.num_workers == 0 and loader.timeout:
            raise OptionError(
                f"timeout={loader.timeout} needs num_workers > 0: without workers the caller's thread makes the batch"
            )
        size = pipeline.output_size
        if size is None:
            raise OptionError("the native engine needs a pipeline with a fixed output size")
        super().__init__(loader)
        self._source = source
        self._channels_last = loader.memory_format == torch.channels_last
        self._buffer_shape = (*size, 3) if self._channels_last else (3, *size)
        self._dtype = _DTYPES[pipeline.dtype]
        self._ahead = max(1, (loader.prefetch_factor or 0) * loader.num_workers)
        self._engine = _core.Engine(
            pipeline.program, threads=loader.num_workers, fallback=decode_rgb, channels_last=self._channels_last
        )
        self._pool = _core.BufferPool(pipeline.dtype, kept=self._ahead + _HELD_BY_CONSUMER)
        self._process = os.getpid()
        self.close = weakref.finalize(self, _close, self._engine, self._pool)
        self._batches: deque[_Batch] = deque()
        self._stepping = threading.RLock()  # several threads may share out one pass's batches
        self._begin(loader)

    @property
    def usable(self) -> bool:
        """False in a forked child (threads don't survive a fork) and after `close`."""
        return self.close.alive and os.getpid() == self._process

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._begin_pass(loader, self._base_seed, keyed=True)
        self._keying.prime(self._sampler_iter)
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

    def take(self) -> tuple[list[torch.Tensor], Cursor]:
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
            return ticket is None or self._engine.ready(ticket)

    def _next_data(self) -> list[torch.Tensor]:  # type: ignore[override]  # torch says: never returns
        if os.getpid() != self._process:
            raise EngineClosedError(
                f"this iterator belongs to process {self._process}, and its threads did not survive the fork; call "
                "iter(loader) in the new process"
            )
        return self._step()

    def _step(self) -> list[torch.Tensor]:
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
        if failed:
            row, error = min(failed, key=lambda pair: pair[0])
            raise self._placed(error, int(batch.keys.indices[row])) from error.__cause__
        return batch.tensors

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
                self._batches.append(_Batch(_keys_of(request), request.cursor))
        return not self._exhausted

    def _start(self, batch: _Batch) -> None:
        try:
            self._submit(batch)
        except Exception as error:  # whatever the dataset raises belongs to the step of this batch
            batch.failure = error

    def _submit(self, batch: _Batch) -> None:
        keys = batch.keys
        outside = keys.indices[(keys.indices < 0) | (keys.indices >= len(self._source))]
        if len(outside):
            raise IndexError(f"index {outside[0]} is out of range: the dataset has {len(self._source)} samples")
        records = self._look_up(keys)
        buffer = self._buffer((len(keys), *self._buffer_shape))
        images = buffer.permute(0, 3, 1, 2) if self._channels_last else buffer
        labels = torch.from_numpy(np.array(records.labels))
        batch.tensors = [images, labels.pin_memory() if self._pin_memory else labels]
        batch.ticket = self._engine.submit(
            records, buffer.numpy(), seed=keys.seed, epoch=keys.epoch, indices=keys.indices, draws=keys.draws
        )

    def _look_up(self, keys: SampleKeys) -> Records:
        meter, began = self._pass.meter, perf_counter()
        records = self._source.records(keys.indices)
        meter.spent("lookup", perf_counter() - began, len(keys))
        if meter.setup.codec is None and len(keys):
            meter.setup = replace(meter.setup, codec=Codec(records.codec[0]).name.lower())
        return records

    def _buffer(self, shape: tuple[int, ...]) -> torch.Tensor:
        if self._pin_memory:
            return torch.empty(shape, dtype=self._dtype, pin_memory=True)
        return torch.from_numpy(self._pool.take(shape))

    def _finish(self, batch: _Batch) -> Sequence[tuple[int, BaseException]]:
        """Waits for a batch: the rows that failed, with their errors."""
        if batch.ticket is None and batch.failure is None:
            self._start(batch)
        if batch.ticket is None:
            return []
        failed: Sequence[tuple[int, BaseException]] | None = self._engine.wait(batch.ticket, self._timeout)
        if failed is None:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        for _, error in failed:
            if not isinstance(error, Exception):  # Ctrl-C while Python decoded a row in this thread
                batch.ticket = None
                raise error
        return failed

    def _count_finished(self) -> int:
        """Batches that the consumer could have at once."""
        finished = 0
        for batch in self._batches:
            if batch.ticket is not None and not self._engine.ready(batch.ticket):
                break
            finished += 1
        return finished

    def _counters(self) -> Callable[[], Counters]:
        return partial(_counters_of, self._engine)

    def _placed(self, error: BaseException, index: int) -> BaseException:
        return error.at(self._source.describe(index), index) if isinstance(error, RecordError) else error


def _keys_of(request: Request) -> SampleKeys:
    if request.keys is None:
        raise OptionError("the native engine needs keys for its samples")
    return request.keys


def _counters_of(engine: _core.Engine) -> Counters:
    try:
        counted = engine.counters()
    except EngineClosedError:  # in a forked child
        return Counters()
    stages: dict[str, StageCounters] = {
        name: StageCounters(stage["seconds"], stage["images"], stage["bytes"], stage["errors"])
        for name, stage in counted["stages"].items()
    }
    return Counters(stages, counted["idle_seconds"] if counted["threads"] else None)


def _close(engine: _core.Engine, pool: _core.BufferPool) -> None:
    engine.close()
    pool.close()

"""Batches made by the C++ engine: their memory, and the way from keys to finished rows."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ... import _core
from ...augment import Augmentation, Pipeline, Views
from ...augment.views import pipelines_of
from ...errors import EngineClosedError, OptionError, RecordError
from ...record import Codec, Records, RecordSource
from ..devices.transferable import pin
from ..faults.faults import Failure
from ..keys.keys import KeyedIndex, SampleKeys
from ..pool.interrupts import as_finalizer
from ..state.passes import Cursor
from ..stats.meter import Meter
from ..stats.stats import Counters, StageCounters
from .batch_engine import BatchEngine
from .native_watchdog import NativeWatchdog

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["BatchMaker", "NativeBatch", "counters_of"]

# The consumer still has its last batch when it is given the next one.
_HELD_BY_CONSUMER = 2

_WATCHDOG_SECONDS = 60.0

_DTYPES = {"uint8": torch.uint8, "float32": torch.float32, "float16": torch.float16}


@dataclass(slots=True)
class NativeBatch:
    """One batch: waiting to be started, under way (it has a ticket), or kept from starting (by a failure).

    Attributes:
        keys: of its samples.
        cursor: where the pass is once it is delivered.
        ticket: of the engine.
        failure: what kept it from starting.
        buffers: where its images are made, (n, ...) in the engine's order of dimensions, one for each view.
        labels: of its samples.
        replaced: row -> (key of the sample that belongs there, substitutes tried so far).
        failures: samples that were skipped or replaced.
    """

    keys: SampleKeys
    cursor: Cursor
    ticket: int | None = None
    failure: Exception | None = None
    buffers: list[torch.Tensor] = field(default_factory=list)
    labels: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    replaced: dict[int, tuple[KeyedIndex, int]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Output:
    """The results of one view.

    Attributes:
        shape: of one of them, in the engine's order of dimensions.
        dtype: of their numbers.
        pool: memory for them.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    pool: _core.BufferPool

    def take(self, rows: int) -> torch.Tensor:
        """Memory for so many results, in no particular state.

        Raises:
            OptionError: there is not so much.
        """
        shape = (rows, *self.shape)
        try:
            return torch.from_numpy(self.pool.take(shape))
        except MemoryError as error:
            needed = math.prod(shape) * self.dtype.itemsize / 1e9
            raise OptionError(
                f"a batch of {rows} results of shape {self.shape} and {self.dtype} needs {needed:,.1f} GB, and there "
                "is not so much memory; give a smaller batch_size, or a smaller size to the pipeline's resize or crop"
            ) from error

    @classmethod
    def of(cls, pipeline: Pipeline, kept: int, *, channels_last: bool) -> _Output:
        """`kept`: how many free buffers the pool keeps."""
        size = pipeline.output_size
        if size is None:
            raise OptionError("the native engine needs a pipeline with a fixed output size")
        image = (*size, 3) if channels_last else (3, *size)
        shape = image if pipeline.crops == 1 else (pipeline.crops, *image)
        return cls(shape, _DTYPES[pipeline.dtype], _core.BufferPool(pipeline.dtype, kept=kept))


class BatchMaker:
    """The engine, its buffers and the records, for as long as an iterator lives.

    Args:
        loader: whose arguments count.
        source: the records behind its dataset.
        augmentation: a pipeline with a fixed output size, or views of such.
        engine: makes the batches; it is this maker's, which closes it.
        ahead: batches under way.
        pin_memory: buffers are torch's pinned memory, which knows of copies to a device that are under way.
        device: where buffers are; pinned memory is for the CPU's.
        name: what messages call the engine.

    Attributes:
        source, engine: as given.
        close: ends the threads.
    """

    def __init__(
        self,
        loader: DataLoader[Any],
        source: RecordSource,
        augmentation: Augmentation,
        engine: BatchEngine,
        *,
        ahead: int,
        pin_memory: bool,
        device: torch.device,
        name: str = "native",
    ) -> None:
        pipelines = pipelines_of(augmentation)
        self.source = source
        self.channels_last = loader.memory_format == torch.channels_last
        self.engine = engine
        sent_ahead = loader.prefetch_to_device if loader._targets else 0
        kept = ahead + _HELD_BY_CONSUMER + sent_ahead
        self._outputs = [_Output.of(pipeline, kept, channels_last=self.channels_last) for pipeline in pipelines]
        self._by_view = isinstance(augmentation, Views)
        self._pin_memory = pin_memory
        self._device = device
        self._process = os.getpid()
        watchdog = _watchdog(loader, self.engine, source, name)
        pools = [output.pool for output in self._outputs]
        self.close = weakref.finalize(self, _close, self.engine, pools, watchdog)

    @property
    def usable(self) -> bool:
        """False in a forked child (threads don't survive a fork) and after `close`."""
        return self.close.alive and os.getpid() == self._process

    def check_usable(self) -> None:
        """Raises EngineClosedError, in words of the loader, where `usable` is false."""
        if os.getpid() != self._process:
            raise EngineClosedError(
                f"this iterator belongs to process {self._process}, and its threads did not survive the fork; call "
                "iter(loader) in the new process"
            )

    def start(self, batch: NativeBatch, meter: Meter) -> None:
        """Looks up a batch's records and has the engine begin.

        Raises:
            IndexError: an index is out of range. Also whatever the source raises.
        """
        keys = batch.keys
        outside = keys.indices[(keys.indices < 0) | (keys.indices >= len(self.source))]
        if len(outside):
            raise IndexError(f"index {outside[0]} is out of range: the dataset has {len(self.source)} samples")
        records = self._look_up(keys, meter)
        batch.buffers = [self._take(output, len(keys)) for output in self._outputs]
        labels = torch.from_numpy(np.array(records.labels))
        batch.labels = labels.pin_memory() if self._pin_memory else labels
        batch.ticket = self._submit(records, batch.buffers, keys)

    def wait(self, batch: NativeBatch, timeout: float) -> Sequence[tuple[int, BaseException]]:
        """The rows that failed, with their errors, once the batch is finished.

        Raises:
            RuntimeError: the timeout, in seconds, is over; 0 is none.
        """
        if batch.ticket is None:
            return []
        failed: Sequence[tuple[int, BaseException]] | None = self.engine.wait(batch.ticket, timeout)
        if failed is None:
            raise RuntimeError(f"DataLoader timed out after {timeout} seconds{self._standing()}")
        for _, error in failed:
            if not isinstance(error, Exception):  # Ctrl-C while Python decoded a row in this thread
                batch.ticket = None
                raise error
        return failed

    def redo(self, batch: NativeBatch, row: int, key: KeyedIndex) -> BaseException | None:
        """Makes another sample in a row of a finished batch; gives its error, if it fails as well."""
        keys = SampleKeys.of([key])
        try:
            records = self.source.records(keys.indices)
            ticket = self._submit(records, [buffer[row : row + 1] for buffer in batch.buffers], keys)
        except RecordError as error:
            return error
        failed = self.engine.wait(ticket, 0.0)
        if failed:
            return failed[0][1]
        batch.labels[row] = torch.from_numpy(np.array(records.labels))[0]
        batch.keys.indices[row], batch.keys.draws[row] = int(key), key.draw
        return None

    def tensors(self, batch: NativeBatch, rows: Sequence[int] | None = None) -> list[Any]:
        """[images, labels] of a finished batch, or [[images of view 0, ...], labels]; of some rows, if they are named
        (a copy)."""
        tensors = [*batch.buffers, batch.labels]
        if rows is not None:
            tensors = [tensor[list(rows)] for tensor in tensors]
            if self._pin_memory:
                tensors = [pin(tensor) for tensor in tensors]
        *views, labels = tensors
        if self.channels_last:
            views = [view.movedim(-1, -3) for view in views]
        return [views if self._by_view else views[0], labels]

    def placed(self, error: BaseException, index: int) -> BaseException:
        """The error of a sample, with the sample's place."""
        return error.at(self.source.describe(index), index) if isinstance(error, RecordError) else error

    def _look_up(self, keys: SampleKeys, meter: Meter) -> Records:
        began = perf_counter()
        records = self.source.records(keys.indices)
        meter.spent("lookup", perf_counter() - began, len(keys))
        if meter.setup.codec is None and len(keys):
            meter.setup = replace(meter.setup, codec=Codec(records.codec[0]).name.lower())
        return records

    def _submit(self, records: Records, outs: Sequence[torch.Tensor], keys: SampleKeys) -> int:
        buffers = [out if out.is_cuda else out.numpy() for out in outs]
        return self.engine.submit(
            records, buffers, seed=keys.seed, epoch=keys.epoch, indices=keys.indices, draws=keys.draws
        )

    def _take(self, output: _Output, rows: int) -> torch.Tensor:
        shape = (rows, *output.shape)
        if self._device.type != "cpu":
            return torch.empty(shape, dtype=output.dtype, device=self._device)
        if self._pin_memory:
            return torch.empty(shape, dtype=output.dtype, pin_memory=True)
        return output.take(rows)

    def _standing(self) -> str:
        """Where the threads are, for a message."""
        lines = [
            f"\n  a thread is at sample {index} ({self.source.describe(index)}), stage {stage}, for {seconds:.1f} s"
            for _, _, index, stage, seconds in self.engine.under_way()
        ]
        return "".join(lines)


def counters_of(engine: BatchEngine) -> Counters:
    """What the engine's threads have done so far."""
    try:
        counted = engine.counters()
    except EngineClosedError:  # in a forked child
        return Counters()
    stages: dict[str, StageCounters] = {
        name: StageCounters(stage["seconds"], stage["images"], stage["bytes"], stage["errors"])
        for name, stage in counted["stages"].items()
    }
    return Counters(stages, counted["idle_seconds"] if counted["threads"] else None)


def _watchdog(loader: DataLoader[Any], engine: BatchEngine, source: RecordSource, name: str) -> NativeWatchdog | None:
    """By default where threads work, not where the caller's does: a program without threads gets none."""
    default = _WATCHDOG_SECONDS if loader.num_workers else 0.0
    seconds = default if loader.watchdog is None else loader.watchdog
    return NativeWatchdog(engine, source, seconds, name) if seconds else None


@as_finalizer
def _close(engine: BatchEngine, pools: Sequence[_core.BufferPool], watchdog: NativeWatchdog | None) -> None:
    engine.close()
    for pool in pools:
        pool.close()
    if watchdog is not None:  # until now: closing waits for samples that hang
        watchdog.close()

"""What a worker of Penstock's pool does: makes batches, as torch's workers would."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch._utils import ExceptionWrapper
from torch.utils.data import _utils, default_collate, default_convert
from torch.utils.data._utils.fetch import _IterableDatasetFetcher
from torch.utils.data._utils.worker import WorkerInfo, _generate_state

from ...errors import PenstockError
from ..faults.describing import describe_sample
from ..keys.keying import Request
from ..layout import collate_channels_last
from ..pool import Place
from ..state.stateful import iteration_state, resumed_iteration
from .fetch import Fetched, Fetcher

__all__ = ["IterableJob", "IterableTask", "MapJob", "Produced"]

_COLLATES_ALONE = (default_collate, default_convert, collate_channels_last)


@dataclass(frozen=True, slots=True)
class _Alone:
    """torch's own collating, not told that it is in a worker: there it puts tensors into /dev/shm for nothing."""

    collate_fn: Callable[[Any], Any]

    def __call__(self, samples: Any) -> Any:
        info, _utils.worker._worker_info = _utils.worker._worker_info, None
        try:
            return self.collate_fn(samples)
        finally:
            _utils.worker._worker_info = info


def _alone(collate_fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return _Alone(collate_fn) if collate_fn in _COLLATES_ALONE else collate_fn


@dataclass(slots=True)
class _Worker:
    """One worker as the dataset sees it.

    Attributes:
        dataset: what `torch.utils.data.get_worker_info` tells of, in a process.
        worker_init_fn: the loader's.
        threads: the worker is a thread: its process has no worker info and one set of generators for all.
        number: which worker.
        info: torch's worker info of a process.
    """

    dataset: Any
    worker_init_fn: Callable[[int], None] | None
    threads: bool
    number: int = 0
    info: Any = None

    def start(self, worker: int, workers: int, seed: int) -> None:
        """Seeds and announces the worker, as torch does."""
        self.number = worker
        if not self.threads:
            random.seed(seed + worker)
            torch.manual_seed(seed + worker)
            np.random.seed(_generate_state(seed, worker))  # type: ignore[no-untyped-call]  # torch's
            self.info = WorkerInfo(id=worker, num_workers=workers, seed=seed + worker, dataset=self.dataset)
            _utils.worker._worker_info = self.info
        if self.worker_init_fn is not None:
            self.worker_init_fn(worker)

    def guarded(self, function: Callable[[], Any]) -> Any:
        """What `function` gives; the error of a process becomes one that says so, in torch's words."""
        try:
            return function()
        except PenstockError:
            raise
        except Exception:
            if self.threads:
                raise
            return ExceptionWrapper(where=f"in DataLoader worker process {self.number}")  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class MapJob:
    """Batches of a map-style dataset; a payload is a `Request`, a result a `Fetched` or an `ExceptionWrapper`."""

    fetcher: Fetcher
    worker: _Worker

    @classmethod
    def of(cls, fetcher: Fetcher, worker_init_fn: Callable[[int], None] | None, *, threads: bool) -> MapJob:
        """The job of a loader's fetcher."""
        if not threads:
            fetcher = replace(fetcher, collate_fn=_alone(fetcher.collate_fn))
        return cls(fetcher, _Worker(fetcher.dataset, worker_init_fn, threads))

    def start(self, worker: int, workers: int, seed: int) -> None:
        self.worker.start(worker, workers, seed)

    def run(self, payload: Request, place: Place) -> Fetched | ExceptionWrapper:
        result: Fetched | ExceptionWrapper = self.worker.guarded(lambda: self.fetcher.fetch(payload, place))
        return result

    def describe(self, sample: int) -> str:
        return describe_sample(self.fetcher.dataset, sample)


@dataclass(frozen=True, slots=True)
class IterableTask:
    """One batch of an iterable dataset, from one worker.

    Attributes:
        epoch: a worker that is in another epoch begins its iteration anew.
        samples: how many; None: one outside a batch.
        state: where to begin, for a worker that has not begun: {"state": ..., "ended": bool}, or None.
    """

    epoch: int
    samples: int | None
    state: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Produced:
    """One batch of an iterable dataset, and where its worker is after it.

    Attributes:
        batch: what was made; None if there was nothing left.
        over: there was nothing left.
        state: {"state": the dataset's, "ended": bool}, or None for a dataset without.
    """

    batch: Any
    over: bool
    state: dict[str, Any] | None


@dataclass(slots=True)
class IterableJob:
    """Batches of a worker's copy of an iterable dataset; results are `Produced` or `ExceptionWrapper`."""

    dataset: Any
    collate_fn: Callable[[Any], Any]
    auto_collation: bool
    drop_last: bool
    worker: _Worker
    _epoch: int = -1
    _fetcher: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, loader: Any) -> IterableJob:
        """The job of a loader."""
        worker = _Worker(loader.dataset, loader.worker_init_fn, threads=False)
        return cls(
            loader.dataset, _alone(loader.collate_fn), loader.batch_sampler is not None, loader.drop_last, worker
        )

    def start(self, worker: int, workers: int, seed: int) -> None:
        self.worker.start(worker, workers, seed)

    def run(self, payload: IterableTask, place: Place) -> Produced | ExceptionWrapper:
        place.at("sample", -1)
        result: Produced | ExceptionWrapper = self.worker.guarded(lambda: self._produce(payload))
        return result

    def _produce(self, task: IterableTask) -> Produced:
        if self._epoch != task.epoch:
            self._epoch = task.epoch
            self._fetcher = _IterableDatasetFetcher(self.dataset, self.auto_collation, self.collate_fn, self.drop_last)
            if task.state is not None:
                self._fetcher.ended = task.state["ended"]
                if not self._fetcher.ended:  # where nothing is left, a place would be taken for that of the next epoch
                    self._fetcher.dataset_iter = resumed_iteration(self.dataset, task.state["state"])
        try:
            batch = self._fetcher.fetch([None] * task.samples if task.samples is not None else None)
        except StopIteration:
            return Produced(None, True, self._state(ended=True))
        return Produced(batch, False, self._state(ended=getattr(self._fetcher, "ended", False)))

    def _state(self, *, ended: bool) -> dict[str, Any] | None:
        state = iteration_state(self.dataset, self._fetcher.dataset_iter)
        return None if state is None else {"state": state, "ended": ended}

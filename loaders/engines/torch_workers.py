"""torch's own iterators, in this process and in worker processes, with Penstock's keys and positions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterableDataset
from torch.utils.data.dataloader import (
    _BaseDataLoaderIter,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)

from ..augmented import Augmented
from ..collating import check_sizes, collated, stacks, unsized
from ..state.passes import Cursor
from ..state.stateful import iteration_state, resumed_iteration
from ..stats.stage_clock import StageClock
from ..stats.stats import Counters
from .base import EngineIterator
from .done_flag import DoneFlag, start_worker
from .fetch import NamingFetcher
from .placement import Placement
from .shared_memory import CheckedCollate

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["InlineIterator", "ProcessIterator"]


class _PlacedIterator(EngineIterator):
    """An iterator of torch's that asks for samples as far as engines make them.

    Args:
        loader: whose arguments count.
        placement: of its pipeline.
    """

    def __init__(self, loader: DataLoader[Any], placement: Placement) -> None:
        self._placement = placement
        self._stacked = loader.batch_sampler is not None and stacks(loader.collate_fn)
        super().__init__(loader)  # type: ignore[call-arg]  # torch's

    @property
    def _dataset(self) -> Any:
        return self._placed_dataset

    @_dataset.setter
    def _dataset(self, dataset: Any) -> None:
        # torch's own __init__ sets it, and then gives it to who makes samples.
        self._placed_dataset = self._placement.dataset(dataset)


class InlineIterator(_PlacedIterator, _SingleProcessDataLoaderIter):
    """`num_workers=0`: samples are made in the caller's thread."""

    engine = "inline"

    def __init__(self, loader: DataLoader[Any], placement: Placement) -> None:
        super().__init__(loader, placement)
        self._profile_name = _profile_name(_SingleProcessDataLoaderIter)
        self._keyed = loader.augment is not None
        self._iterable = isinstance(loader.dataset, IterableDataset)
        self._cursor = Cursor(0)
        self._delivered_before = 0
        self._to_replay = 0
        self._clock = StageClock()
        if not self._iterable:
            self._dataset_fetcher = NamingFetcher.of(self._dataset_fetcher)
        self._dataset_fetcher.collate_fn = partial(_collate, self._clock, self._dataset_fetcher.collate_fn)
        self._resume(self._begin_pass(loader, self._base_seed, keyed=self._keyed))

    def _counters(self) -> Callable[[], Counters]:
        return self._clock.counters

    def _next_data(self) -> Any:
        self._clock.at("sample")
        samples = 0
        try:
            batch = super()._next_data()  # type: ignore[no-untyped-call]  # torch's
            samples = self._cursor.samples
        finally:
            self._clock.finished(samples)
        return batch

    def take(self) -> tuple[Any, Cursor]:
        while self._to_replay:  # an iterable dataset without a state of its own gives everything again
            self._to_replay -= 1
            self._next_data()
        batch = _BaseDataLoaderIter.__next__(self)
        return batch, self._iterable_cursor() if self._iterable else self._cursor

    def _resume(self, state: dict[str, Any]) -> None:
        self._keying.prime(self._sampler_iter)
        if not self._iterable:
            return
        self._delivered_before = int(state.get("batches", 0))
        if state.get("dataset") is None:
            self._to_replay = self._delivered_before
        else:
            (worker,) = state["dataset"]["workers"]
            self._dataset_fetcher.ended = worker["ended"]
            if not worker["ended"]:  # where nothing is left, a place would be taken for that of the next epoch
                self._dataset_fetcher.dataset_iter = resumed_iteration(self._dataset, worker["state"])

    def _iterable_cursor(self) -> Cursor:
        fetcher = self._dataset_fetcher
        state = iteration_state(self._dataset, fetcher.dataset_iter)
        place = None
        if state is not None:
            place = {"turn": 0, "workers": [{"state": state, "ended": getattr(fetcher, "ended", False), "over": False}]}
        return Cursor(self._delivered_before + self._num_yielded, self._cursor.samples, place)

    def _next_index(self) -> Any:
        request = self._keying.next(self._sampler_iter)
        self._cursor = request.cursor
        return request.keyed() if self._keyed else request.given


class ProcessIterator(_PlacedIterator, _MultiProcessingDataLoaderIter):
    """`num_workers` of torch's worker processes."""

    engine = "processes"

    def __init__(self, loader: DataLoader[Any], placement: Placement) -> None:
        self._done_flag = DoneFlag()
        super().__init__(loader, placement)

    @property
    def _dataset(self) -> Any:
        return self._placed_dataset

    @_dataset.setter
    def _dataset(self, dataset: Any) -> None:
        placed = self._placement.dataset(dataset)
        # What collates in a worker is not told which samples it has.
        unchecked = self._stacked and isinstance(placed, Augmented) and unsized(placed.pipeline)
        self._placed_dataset = placed.checked(check_sizes) if unchecked else placed

    @property
    def _collate_fn(self) -> Any:
        return self._checked_collate

    @_collate_fn.setter
    def _collate_fn(self, collate_fn: Any) -> None:
        # torch's own __init__ sets it, and then gives it to the workers.
        collate = partial(collated, collate_fn, self._dataset, None) if self._stacked else collate_fn
        self._checked_collate = CheckedCollate(collate, single=not self._auto_collation)

    @property  # type: ignore[override]  # it is asked in the same ways
    def _workers_done_event(self) -> DoneFlag:
        return self._done_flag

    @_workers_done_event.setter
    def _workers_done_event(self, event: object) -> None:
        del event  # which torch's own __init__ sets, and then gives to the workers

    @property
    def _worker_init_fn(self) -> Callable[[int], None]:
        return partial(start_worker, self._done_flag, self._given_init)

    @_worker_init_fn.setter
    def _worker_init_fn(self, init: Callable[[int], None] | None) -> None:
        self._given_init = init

    def _reset(self, loader: DataLoader[Any], first_iter: bool = False) -> None:
        # Before torch's own reset, which asks for the first batches.
        self._profile_name = _profile_name(_MultiProcessingDataLoaderIter)
        self._keyed = loader.augment is not None
        self._iterable = isinstance(loader.dataset, IterableDataset)
        self._cursors: deque[Cursor] = deque()
        self._consumed = 0
        state = self._begin_pass(loader, self._base_seed, keyed=self._keyed)
        if not loader.in_order:
            self._pass.obstacle = (
                "with in_order=False and worker processes, which batches were delivered is not a position; leave out "
                "in_order=False"
            )
        self._delivered_before = self._to_replay = int(state.get("batches", 0)) if self._iterable else 0
        super()._reset(loader, first_iter)

    def take(self) -> tuple[Any, Cursor]:
        while self._to_replay:
            self._to_replay -= 1
            self._next_data()  # type: ignore[no-untyped-call]  # torch's
        batch = _BaseDataLoaderIter.__next__(self)
        return batch, self._next_cursor()

    def ready(self) -> bool:
        return len(self._task_info.get(self._rcvd_idx, ())) == 2 or not self._data_queue.empty()

    def _next_cursor(self) -> Cursor:
        # A batch that failed is among those received, too.
        behind = self._rcvd_idx - self._consumed if self._in_order else 1
        cursor = Cursor(0)
        for _ in range(behind if self._cursors else 0):
            cursor = self._cursors.popleft()
            self._consumed += 1
        if self._iterable:
            return Cursor(self._delivered_before + self._num_yielded, cursor.samples)
        return cursor

    def _next_index(self) -> Any:
        request = self._keying.next(self._sampler_iter)
        self._cursors.append(request.cursor)
        return request.keyed() if self._keyed else request.given


def _collate(clock: StageClock, collate_fn: Callable[[Any], Any], samples: Any) -> Any:
    clock.at("collate")
    return collate_fn(samples)


def _profile_name(kind: type[_BaseDataLoaderIter]) -> str:
    """What torch's profiler calls the steps of its own iterators, which those who read its records look for."""
    return f"enumerate(DataLoader)#{kind.__name__}.__next__"

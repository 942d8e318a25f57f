"""Batches from Penstock's own workers, processes or threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch._utils import ExceptionWrapper
from torch.utils.data._utils.pin_memory import pin_memory
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ...errors import EngineClosedError
from ...rng import words
from ..faults.policies import fault_log, fetcher
from ..keys.keying import Request
from ..pool import PoolOptions, Task, WorkerPool
from ..state.passes import Cursor
from ..stats.stats import Counters, Setup
from .base import EngineIterator
from .fetch import sample_number
from .jobs import IterableJob, IterableTask, MapJob, Produced
from .placement import Placement
from .pool_counters import PoolCounters

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["IterablePoolIterator", "PoolIterator"]

_WATCHDOG_SECONDS = 60.0

_PURPOSE = 6
"""Of the workers' seeds, in docs/design/2026-11-21-interfaces.md."""


class _PoolIterator(EngineIterator, _BaseDataLoaderIter):
    """What map-style and iterable datasets have in common."""

    engine = "pool"

    _pool: WorkerPool

    @property
    def usable(self) -> bool:
        """False in a forked child and after the pool's end."""
        return self._pool.usable

    def take(self) -> tuple[Any, Cursor]:
        batch = _BaseDataLoaderIter.__next__(self)
        return batch, self._cursor

    def _setup(self, loader: DataLoader[Any]) -> Setup:
        return replace(super()._setup(loader), threaded=loader.workers == "threads")

    def _counters(self) -> Callable[[], Counters]:
        return self._workers_counters

    def _open(self, loader: DataLoader[Any], job: Any) -> None:
        watchdog = _WATCHDOG_SECONDS if loader.watchdog is None else loader.watchdog
        options = PoolOptions(
            kind=loader.workers,
            workers=loader.num_workers,
            context=loader.multiprocessing_context if loader.workers == "processes" else None,
            restart=loader.on_worker_death == "restart",
            max_restarts=loader.max_restarts,
            watchdog=watchdog,
            seed=_base_seed(loader, int(self._base_seed)),
        )
        self._pool = WorkerPool(job, options)
        self._workers_counters = PoolCounters(self._pool, loader.batch_size or 1)
        self._cursor = Cursor(0)
        self._numbers = 0

    def _submit(self, payload: Any, samples: tuple[int, ...] = (), worker: int | None = None) -> int:
        number = self._numbers
        self._pool.submit(Task(number, payload, samples, worker))
        self._numbers += 1
        return number

    def _received(self, number: int | None) -> tuple[int, Any]:
        """A finished task's number and its result; raises what it failed with."""
        result = self._pool.take(number, self._timeout)
        self._pass.meter.restarts = self._pool.restarts
        self._forget(result.number)
        if result.error is not None:
            raise result.error
        if isinstance(result.value, ExceptionWrapper):
            result.value.reraise()  # type: ignore[no-untyped-call]  # torch's
        return result.number, result.value

    def _forget(self, number: int) -> None:
        raise NotImplementedError

    def _pinned(self, batch: Any) -> Any:
        if not self._pin_memory:
            return batch
        return pin_memory(batch, self._pin_memory_device)  # type: ignore[no-untyped-call]  # torch's

    def _end(self) -> None:
        """The pass is over; so are its workers, unless they are to stay."""
        self._pass.meter.close()
        if not self._persistent_workers:
            self._pool.close()


def _base_seed(loader: DataLoader[Any], drawn: int) -> int:
    """What workers are seeded from, as torch seeds its own: a new seed for each pass, by the order's key if it has one.

    Args:
        loader: whose workers they are.
        drawn: what torch drew, from a generator that is left alone where there is an order.
    """
    if loader._order_sampler is None:
        return drawn
    low, high, *_ = words(loader._order_sampler.seed, loader._session.epochs.next, 0, 0, _PURPOSE)
    return (low | high << 32) >> 1


class PoolIterator(_PoolIterator):
    """One pass over a map-style dataset; `prefetch_factor * num_workers` batches are under way."""

    def __init__(self, loader: DataLoader[Any], placement: Placement) -> None:
        super().__init__(loader)
        self._in_order = loader.in_order
        self._ahead = max(1, (loader.prefetch_factor or 0) * loader.num_workers)
        job = MapJob.of(fetcher(loader, placement), loader.worker_init_fn, threads=loader.workers == "threads")
        self._open(loader, job)
        self._begin(loader)

    def ready(self) -> bool:
        return not self._under_way or self._pool.ready(self._under_way[0][0] if self._in_order else None)

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._begin_pass(loader, self._base_seed, keyed=loader.on_error == "substitute" or loader.augment is not None)
        if not self._in_order:
            self._pass.obstacle = (
                "with in_order=False and workers, which batches were delivered is not a position; leave out "
                "in_order=False"
            )
        self._faults = fault_log(loader, self._pass)
        self._under_way: deque[tuple[int, Request]] = deque()
        self._exhausted = False
        while len(self._under_way) < self._ahead and self._request():
            pass

    def _reset(self, loader: DataLoader[Any], first_iter: bool = False) -> None:
        # Called by torch's loader for each further pass with persistent workers.
        self._pool.cancel()
        super()._reset(loader, first_iter)
        self._begin(loader)

    def _request(self) -> bool:
        if not self._exhausted:
            try:
                request = self._keying.next(self._sampler_iter)
            except StopIteration:
                self._exhausted = True
            else:
                self._under_way.append((self._submit(request, _samples_of(request)), request))
        return not self._exhausted

    def _next_data(self) -> Any:
        while True:
            if not self._under_way:
                self._end()
                raise StopIteration
            self._measure_queue()
            _, fetched = self._received(self._under_way[0][0] if self._in_order else None)
            self._faults.add(fetched.failures)
            self._cursor = fetched.cursor(self._cursor)
            if not fetched.empty:
                return self._pinned(fetched.batch)

    def _measure_queue(self) -> None:
        finished = 0
        for number, _ in self._under_way:
            if not self._pool.ready(number):
                break
            finished += 1
        self._pass.meter.queue(finished)

    def _forget(self, number: int) -> None:
        place = next(k for k, (waiting, _) in enumerate(self._under_way) if waiting == number)
        self._cursor = self._under_way[place][1].cursor
        del self._under_way[place]
        self._request()


class IterablePoolIterator(_PoolIterator):
    """One pass over an iterable dataset that can say where it is; workers take turns, as torch's do.

    Each has a copy of the dataset and makes one batch after the other of it. A worker is told where to go on with every
    batch, so one that took the place of another does; therefore only one batch is under way in each.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._samples = loader.batch_size if loader.batch_sampler is not None else None
        self._open(loader, IterableJob.of(loader))
        self._passes = 0
        self._begin(loader)

    def ready(self) -> bool:
        return not self._under_way or self._pool.ready(self._under_way[0][0])

    def _begin(self, loader: DataLoader[Any]) -> None:
        state = self._begin_pass(loader, self._base_seed, keyed=False)
        self._passes += 1
        self._batches = int(state.get("batches", 0))
        place = state.get("dataset") or {"turn": 0, "workers": [None] * self._num_workers}
        self._states: list[dict[str, Any] | None] = list(place["workers"])
        self._over = [bool(self._batches and worker and worker["over"]) for worker in self._states]
        self._under_way: deque[tuple[int, int]] = deque()
        turn = int(place["turn"])
        for worker in [*range(turn, self._num_workers), *range(turn)]:
            if not self._over[worker]:
                self._request(worker)

    def _reset(self, loader: DataLoader[Any], first_iter: bool = False) -> None:
        self._pool.cancel()
        super()._reset(loader, first_iter)
        self._begin(loader)

    def _request(self, worker: int) -> None:
        task = IterableTask(self._passes, self._samples, self._states[worker])
        self._under_way.append((self._submit(task, worker=worker), worker))

    def _next_data(self) -> Any:
        while self._under_way:
            number, worker = self._under_way[0]
            try:
                _, produced = self._received(number)
            except Exception:
                if self.usable:
                    self._request(worker)  # as torch: its iteration may have more to give
                raise
            self._note(worker, produced)
            if produced.over:
                continue
            self._request(worker)
            self._batches += 1
            turn = self._under_way[0][1]
            self._cursor = Cursor(self._batches, self._samples or 1, {"turn": turn, "workers": list(self._states)})
            return self._pinned(produced.batch)
        self._end()
        raise StopIteration

    def _note(self, worker: int, produced: Produced) -> None:
        self._over[worker] = produced.over
        if produced.state is None:
            raise EngineClosedError("an iterable dataset stopped having a state in the middle of a pass")
        self._states[worker] = produced.state | {"over": produced.over}

    def _forget(self, number: int) -> None:  # noqa: ARG002 (always the first)
        self._under_way.popleft()


def _samples_of(request: Request) -> tuple[int, ...]:
    """A request's samples, for messages and counters; -1 for one that has no index."""
    if request.keys is not None:
        return tuple(request.keys.plain())
    given = request.given if isinstance(request.given, list | tuple) else [request.given]
    return tuple(sample_number(index) for index in given)

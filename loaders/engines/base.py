"""What every engine's iterator adds to torch's: where its consumer is, and how long that one waited."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from torch.utils.data import IterableDataset

from ..devices.tree import tensor_bytes
from ..keys.keying import Keying
from ..pool.interrupts import as_finalizer
from ..state.passes import Cursor, Pass
from ..state.state import known_length
from ..stats.meter import Meter
from ..stats.progress import ProgressBar
from ..stats.stats import Counters, Setup

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["EngineIterator"]


class EngineIterator:
    """A mixin, to stand before one of torch's iterators.

    A batch is taken, and then delivered: who prefetches to a device takes batches before it delivers them, and only
    what was delivered counts in the loader's state.
    """

    engine: ClassVar[str]
    """Its name in `Setup`."""

    _pass: Pass
    _keying: Keying
    _end_pass: Callable[[], object] | None = None

    def take(self) -> tuple[Any, Cursor]:
        """The next batch, and where the pass is once it is delivered.

        Raises:
            StopIteration: there is none. Any other error is that of this batch; the next call goes on with the next.
        """
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether `take` would return at once."""
        return False

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        began = perf_counter()
        try:
            batch, cursor = self.take()
        except StopIteration:
            self._pass.finish()
            raise
        self._pass.deliver(cursor, tensor_bytes(batch), began, perf_counter())
        return batch

    def _counters(self) -> Callable[[], Counters]:
        """What asks the workers for their counters. It must not keep this iterator alive: the loader keeps it."""
        return Counters

    def _begin_pass(self, loader: DataLoader[Any], base_seed: float, *, keyed: bool) -> dict[str, Any]:
        """Starts a pass; gives the state that it goes on from, {} for a fresh one."""
        if self._end_pass is not None:
            self._end_pass()  # of the pass before, which may have been left early
        self._pass, self._keying, state = loader._session.begin(loader, int(base_seed), keyed=keyed)
        self._pass.meter = Meter(self._setup(loader), self._counters())
        if loader.progress:
            self._pass.bar = ProgressBar(self._pass.meter, None if state else _length(loader))
        self._end_pass = weakref.finalize(self, as_finalizer(self._pass.close))
        return state

    def _setup(self, loader: DataLoader[Any]) -> Setup:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return Setup(self.engine, loader.num_workers, loader.prefetch_factor or 0, cores)


def _length(loader: DataLoader[Any]) -> int | None:
    """Batches of a whole pass; None where nobody knows."""
    return None if isinstance(loader.dataset, IterableDataset) else known_length(loader)

"""The caller's thread makes the samples, seeded by their keys and with a policy for bad ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.utils.data._utils.pin_memory import pin_memory
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ...errors import OptionError
from ..faults.faults import FaultLog
from ..faults.policies import fault_log, fetcher
from ..keys.keying import Request
from ..state.passes import Cursor
from ..stats.stage_clock import StageClock
from ..stats.stats import Counters
from .base import EngineIterator
from .fetch import Fetched, Fetcher
from .placement import Placement

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["FetchIterator"]


class FetchIterator(EngineIterator, _BaseDataLoaderIter):
    """`num_workers=0` with `seed=`, or with another policy than to raise, over a map-style dataset."""

    engine = "inline"

    def __init__(self, loader: DataLoader[Any], placement: Placement) -> None:
        super().__init__(loader)
        if loader.timeout:
            raise OptionError(
                f"timeout={loader.timeout} needs num_workers > 0: without workers the caller's thread makes the batch"
            )
        self._fetcher: Fetcher = fetcher(loader, placement)
        self._clock = StageClock()
        self._begin_pass(loader, self._base_seed, keyed=loader.on_error == "substitute" or loader.augment is not None)
        self._keying.prime(self._sampler_iter)
        self._faults: FaultLog = fault_log(loader, self._pass)
        self._cursor = Cursor(0)

    def _counters(self) -> Callable[[], Counters]:
        return self._clock.counters

    def take(self) -> tuple[Any, Cursor]:
        return _BaseDataLoaderIter.__next__(self), self._cursor

    def _next_data(self) -> Any:
        while True:
            request = self._keying.next(self._sampler_iter)
            self._cursor = request.cursor
            fetched = self._fetch(request)
            self._cursor = fetched.cursor(request.cursor)
            self._faults.add(fetched.failures)
            if not fetched.empty:
                if not self._pin_memory:
                    return fetched.batch
                return pin_memory(fetched.batch, self._pin_memory_device)  # type: ignore[no-untyped-call]  # torch's

    def _fetch(self, request: Request) -> Fetched:
        samples = 0
        try:
            fetched = self._fetcher.fetch(request, self._clock)
            samples = request.cursor.samples
        finally:
            self._clock.finished(samples)
        return fetched

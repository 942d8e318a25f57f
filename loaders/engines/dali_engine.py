"""Whole batches by NVIDIA DALI, with the interface of the native engine."""

from __future__ import annotations

import concurrent.futures
import itertools
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import EngineClosedError
from ...record import Records
from ..keys.keys import SampleKeys
from .dali_making import DaliMaker
from .dali_rows import PreparedRow, prepare
from .stage_times import StageTimes

__all__ = ["DaliEngine"]

_log = logging.getLogger("penstock.loaders")

Failed: TypeAlias = list[tuple[int, Exception]]
"""Rows that failed, with their errors."""

Prepared: TypeAlias = dict[int, PreparedRow | Exception]
"""Rows, or what kept them from being prepared."""

ROWS_AT_ONCE = 4
"""How many rows a thread takes at a time: few enough to share out a batch, more than one since handing over costs."""


class DaliEngine:
    """Threads of Python read records and one has DALI and torch do the rest, batch after batch. Thread-safe.

    Args:
        maker: makes the batches; nobody else may use it.
        threads: that read, beside the one that waits for DALI; 0: each batch is made inside `submit`.
    """

    def __init__(self, maker: DaliMaker, *, threads: int) -> None:
        self._work = _Work(maker)
        self._readers = ThreadPoolExecutor(threads, "penstock-read") if threads else None
        self._driver = ThreadPoolExecutor(1, "penstock-dali") if threads else None
        self._finished: dict[int, Future[Failed]] = {}
        self._tickets = itertools.count()
        self._process = os.getpid()
        self._closed = False

    def submit(
        self,
        records: Records,
        outs: Sequence[Any],
        *,
        seed: int,
        epoch: int,
        indices: NDArray[np.int64],
        draws: NDArray[np.int64],
    ) -> int:
        """Queues one batch and returns its ticket; `outs` is a buffer for each view, (n, ...) on the maker's device."""
        if self._closed:
            raise EngineClosedError("the DALI engine is closed")
        keys = SampleKeys(seed, epoch, np.array(indices), np.array(draws))
        ticket = next(self._tickets)
        buffers = [torch.as_tensor(out) for out in outs]
        if self._readers is None or self._driver is None:
            made: Future[Failed] = Future()
            made.set_result(self._work.make([self._work.read(records, range(len(keys)), keys)], buffers))
            self._finished[ticket] = made
            return ticket
        parts = [range(start, min(start + ROWS_AT_ONCE, len(keys))) for start in range(0, len(keys), ROWS_AT_ONCE)]
        reading = [self._readers.submit(self._work.read, records, part, keys) for part in parts]
        self._finished[ticket] = self._driver.submit(self._work.make_of, reading, buffers)
        return ticket

    def wait(self, ticket: int, timeout_seconds: float = 0.0) -> Failed | None:
        """The rows that failed, with their errors, once the batch is finished; None: the timeout (0: none) ran out."""
        made = self._finished[ticket]
        done, _ = concurrent.futures.wait([made], timeout_seconds or None)
        if not done:
            return None
        del self._finished[ticket]
        return made.result()

    def ready(self, ticket: int) -> bool:
        """Whether `wait` would return at once."""
        return self._finished[ticket].done()

    def counters(self) -> Mapping[str, Any]:
        """What it has done so far: "read", "decode" (by Python's threads), "augment" (by DALI, which decodes files, and
        torch)."""
        stages = {
            name: {"seconds": done.seconds, "images": done.samples, "bytes": done.nbytes, "errors": done.errors}
            for name, done in self._work.times.counters().items()
        }
        return {"stages": stages, "threads": 0, "idle_seconds": 0.0}

    def under_way(self) -> Sequence[tuple[int, int, int, str, float]]:
        """(number of the stay, 0, index, stage, seconds since it was begun) of what threads are at, longest first."""
        now = perf_counter()
        return [(number, 0, at.index, at.name, now - at.began) for number, at in self._work.times.current()]

    def close(self) -> None:
        """Drops what is queued, lets running batches finish, ends the threads. Idempotent."""
        self._closed = True
        if os.getpid() != self._process:
            return  # its threads did not survive the fork
        for pool in (self._driver, self._readers):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
        for pool in (self._readers, self._driver):
            if pool is not None:
                pool.shutdown(wait=True)


class _Work:
    """What the threads do. They hold this and not the engine, so that dropping the engine ends them."""

    def __init__(self, maker: DaliMaker) -> None:
        self.times = StageTimes()
        self._maker = maker
        self._running = threading.Lock()

    def read(self, records: Records, rows: Sequence[int], keys: SampleKeys) -> Prepared:
        """Some rows of a batch."""
        prepared: Prepared = {}
        for row in rows:
            try:
                prepared[row] = prepare(self._maker, records, row, keys, self.times)
            except Exception as error:  # of one sample: told for its row, whatever Pillow or a payload may raise
                prepared[row] = error
        return prepared

    def make_of(self, reading: Sequence[Future[Prepared]], outs: Sequence[torch.Tensor]) -> Failed:
        """`make` of rows that other threads read."""
        return self.make([part.result() for part in reading], outs)

    def make(self, parts: Sequence[Prepared], outs: Sequence[torch.Tensor]) -> Failed:
        """Has DALI make a batch of all rows that could be read."""
        rows = {row: prepared for part in parts for row, prepared in part.items()}
        good = {row: prepared for row, prepared in rows.items() if isinstance(prepared, PreparedRow)}
        failed = [(row, error) for row, error in rows.items() if isinstance(error, Exception)]
        try:
            self._run(good, outs)
        except RuntimeError as error:  # of the whole batch: DALI does not say which file it is
            failed += self._run_decoded(good, outs, error)
        return sorted(failed, key=lambda pair: pair[0])

    def _run_decoded(self, rows: dict[int, PreparedRow], outs: Sequence[torch.Tensor], error: RuntimeError) -> Failed:
        """Looks for the files that can't be decoded, and has DALI make a batch of the others' pixels."""
        decoded: dict[int, PreparedRow] = {}
        failed: Failed = []
        for row, prepared in rows.items():
            try:
                decoded[row] = prepared.decoded()
            except Exception as reason:  # as in `read`
                failed.append((row, reason))
        if not failed:
            _log.warning("DALI failed where Penstock's decoder does not, so that decodes this batch: %s", error)
        self._run(decoded, outs)
        return failed

    def _run(self, rows: dict[int, PreparedRow], outs: Sequence[torch.Tensor]) -> None:
        if not rows:
            return
        order, prepared = list(rows), list(rows.values())
        with self._running, self.times.stage("augment", 0) as stage:
            stage.samples = len(rows)
            views = self._maker.run(
                [row.image for row in prepared],
                [row.drawn for row in prepared],
                [row.size for row in prepared],
                np.array([row.cut for row in prepared]),
            )
            for out, results in zip(outs, views, strict=True):
                out[order] = results
            if outs[0].is_cuda:
                # What was copied in this thread's stream is read in others, and DALI uses its own memory again.
                torch.cuda.current_stream(outs[0].device).synchronize()

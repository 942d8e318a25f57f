"""Bad rows of native batches: skipped or replaced, as `on_error` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import RecordError
from ..faults.faults import Failure
from ..faults.substitutes import Candidates, no_substitute, substitute
from ..keys.keys import KeyedIndex, SampleKeys
from ..options import ErrorPolicy
from ..stats.meter import Meter
from .making import BatchMaker, NativeBatch

__all__ = ["Mender"]


class Mender:
    """Does to native batches what `Fetcher` does to those of Python.

    Args:
        maker: makes the batches.
        on_error: "raise", "skip" or "substitute".
        candidates: for substitutes.
    """

    def __init__(self, maker: BatchMaker, on_error: ErrorPolicy, candidates: Candidates) -> None:
        self._maker = maker
        self._on_error = on_error
        self._candidates = candidates

    def start(self, batch: NativeBatch, meter: Meter) -> None:
        """Starts a batch, without the rows that have no record, or with others in their place."""
        while len(batch.keys):
            try:
                self._maker.start(batch, meter)
                return
            except RecordError as error:
                rows = [] if error.index is None else np.flatnonzero(batch.keys.indices == error.index).tolist()
                if self._on_error == "raise" or not rows:
                    raise
                self._replace(batch, rows, error)

    def tensors(self, batch: NativeBatch, failed: Sequence[tuple[int, BaseException]]) -> list[Any] | None:
        """The finished batch, or None if nothing is left of it.

        Raises:
            The error of its first bad row, where the policy is to raise; TooManyErrorsError: no substitute either.
        """
        if not failed:
            return self._maker.tensors(batch) if len(batch.keys) else None
        row, error = min(failed, key=lambda pair: pair[0])
        if self._on_error == "raise" or not all(isinstance(error, RecordError) for _, error in failed):
            raise self._maker.placed(error, int(batch.keys.indices[row])) from error.__cause__
        if self._on_error == "substitute":
            for row, error in sorted(failed, key=lambda pair: pair[0]):
                self._substitute(batch, row, error)
            return self._maker.tensors(batch)
        for row, error in sorted(failed, key=lambda pair: pair[0]):
            self._skip(batch, int(batch.keys.indices[row]), error)
        bad = {row for row, _ in failed}
        rows = [row for row in range(len(batch.keys)) if row not in bad]
        batch.keys = batch.keys.take(rows)
        return self._maker.tensors(batch, rows) if rows else None

    def _replace(self, batch: NativeBatch, rows: list[int], error: RecordError) -> None:
        keys = batch.keys
        indices, draws = keys.indices.copy(), keys.draws.copy()
        if self._on_error == "skip":
            for row in rows:
                self._skip(batch, int(indices[row]), error)
            indices, draws = np.delete(indices, rows), np.delete(draws, rows)
        else:
            for row in rows:
                key = self._next(batch, row, _key(keys, row), error)
                indices[row], draws[row] = int(key), key.draw
        batch.keys = replace(keys, indices=indices, draws=draws)

    def _skip(self, batch: NativeBatch, index: int, error: BaseException) -> None:
        batch.failures.append(Failure.of(error, index, self._maker.source.describe(index)))

    def _substitute(self, batch: NativeBatch, row: int, error: BaseException) -> None:
        failed = _key(batch.keys, row)
        again: BaseException | None = error
        while again is not None:
            failed = self._next(batch, row, failed, again)
            again = self._maker.redo(batch, row, failed)

    def _next(self, batch: NativeBatch, row: int, failed: KeyedIndex, error: BaseException) -> KeyedIndex:
        """The next substitute for a row, where `failed`, its own sample or its last substitute, failed with `error`."""
        own, tried = batch.replaced.get(row, (failed, 0))
        describe = self._maker.source.describe
        chosen = substitute(own, tried + 1, self._candidates, _given(batch))
        if chosen is None:
            last = f"sample {int(failed)} ({describe(int(failed))}): {type(error).__name__}: {error}"
            raise no_substitute(int(own), describe(int(own)), tried, last) from error
        source = describe(int(failed))
        batch.failures.append(Failure.of(error, failed, source, chosen, instead_of=own, attempt=tried))
        batch.replaced[row] = own, tried + 1
        return chosen


def _key(keys: SampleKeys, row: int) -> KeyedIndex:
    return KeyedIndex(int(keys.indices[row]), keys.seed, keys.epoch, int(keys.draws[row]))


def _given(batch: NativeBatch) -> list[int]:
    """The indices of the batch as the order gave them: what is chosen must not depend on who failed before."""
    indices = batch.keys.plain()
    for row, (own, _) in batch.replaced.items():
        indices[row] = int(own)
    return indices

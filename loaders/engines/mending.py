"""Bad rows of native batches: skipped or replaced, as `on_error` says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...errors import RecordError, TooManyErrorsError
from ..faults.faults import Failure
from ..faults.substitutes import ATTEMPTS, Candidates, substitute
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

    def tensors(self, batch: NativeBatch, failed: Sequence[tuple[int, BaseException]]) -> list[torch.Tensor] | None:
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
            for row, error in failed:
                self._substitute(batch, row, error)
            return self._maker.tensors(batch)
        for row, error in failed:
            self._note(batch, error, int(batch.keys.indices[row]), None, 0)
        bad = {row for row, _ in failed}
        rows = [row for row in range(len(batch.keys)) if row not in bad]
        return self._maker.tensors(batch, rows) if rows else None

    def _replace(self, batch: NativeBatch, rows: list[int], error: RecordError) -> None:
        keys = batch.keys
        indices, draws = keys.indices.copy(), keys.draws.copy()
        if self._on_error == "skip":
            for row in rows:
                self._note(batch, error, int(indices[row]), None, 0)
            indices, draws = np.delete(indices, rows), np.delete(draws, rows)
        else:
            for row in rows:
                key = self._next(batch, row, error)
                indices[row], draws[row] = int(key), key.draw
        batch.keys = SampleKeys(keys.seed, keys.epoch, indices, draws)

    def _substitute(self, batch: NativeBatch, row: int, error: BaseException) -> None:
        again: BaseException | None = error
        while again is not None:
            key = self._next(batch, row, again)
            again = self._maker.redo(batch, row, key)

    def _next(self, batch: NativeBatch, row: int, error: BaseException) -> KeyedIndex:
        """The next substitute for a row; its last one failed with `error`."""
        keys = batch.keys
        key = KeyedIndex(int(keys.indices[row]), keys.seed, keys.epoch, int(keys.draws[row]))
        original, attempts = batch.replaced.get(row, (key, 0))
        if attempts == ATTEMPTS:
            raise TooManyErrorsError(
                f"{ATTEMPTS} substitutes for sample {int(original)} ({self._maker.source.describe(int(original))}) "
                f"failed one after the other; the last error was: {error}"
            ) from error
        chosen = substitute(original, attempts + 1, self._candidates, keys.plain())
        self._note(batch, error, int(original), int(chosen), attempts)
        batch.replaced[row] = original, attempts + 1
        return chosen

    def _note(
        self, batch: NativeBatch, error: BaseException, index: int, substituted: int | None, attempt: int
    ) -> None:
        batch.failures.append(Failure.of(error, index, self._maker.source.describe(index), substituted, attempt))

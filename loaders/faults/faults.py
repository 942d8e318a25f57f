"""Samples that can't be made: how many there may be, and the log of them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ...errors import RecordError, TooManyErrorsError
from ..stats.meter import Meter

__all__ = ["Failure", "FaultLog"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One sample that could not be made.

    Attributes:
        record: its index in the dataset.
        source: where it comes from: a file, or a shard and record, or the dataset's class.
        reason: the error's message.
        error: the error's class.
        action: what was done about it.
        substitute: the index that took its place, or None.
        attempt: 0, or which of its substitutes this was.
    """

    record: Any
    source: str
    reason: str
    error: str
    action: Literal["skip", "substitute"]
    substitute: int | None = None
    attempt: int = 0

    @classmethod
    def of(cls, error: BaseException, index: Any, source: str, substitute: int | None, attempt: int) -> Failure:
        """The failure of sample `index`; without a substitute it is skipped."""
        reason = error.reason if isinstance(error, RecordError) else str(error)
        plain = index if isinstance(index, str) else int(index) if hasattr(index, "__index__") else repr(index)
        action: Literal["skip", "substitute"] = "skip" if substitute is None else "substitute"
        return cls(plain, source, reason, type(error).__name__, action, substitute, attempt)


class FaultLog:
    """Counts the failures of one epoch of one rank, and writes them down.

    Args:
        path: to which each failure is appended as a line of JSON; None: nowhere.
        most: how many there may be.
        rank, epoch: are in each line.
        meter: counts them, too.
    """

    def __init__(self, path: str | os.PathLike[str] | None, most: int, *, rank: int, epoch: int, meter: Meter) -> None:
        self._path = path
        self._most = most
        self._place = {"rank": rank, "epoch": epoch}
        self._meter = meter
        self._count = 0

    def add(self, failures: Sequence[Failure]) -> None:
        """Counts and writes down the failures of a batch that is about to be delivered.

        Raises:
            TooManyErrorsError: there have been more than `most`.
            OSError: the log can't be written.
        """
        if not failures:
            return
        if self._path is not None:
            lines = "".join(json.dumps(self._place | asdict(failure)) + "\n" for failure in failures)
            with open(self._path, "a", encoding="utf-8") as log:
                log.write(lines)
        self._meter.skipped += sum(failure.action == "skip" for failure in failures)
        self._meter.substituted += sum(failure.action == "substitute" for failure in failures)
        self._count += len(failures)
        if self._count > self._most:
            last = failures[-1]
            raise TooManyErrorsError(
                f"{self._count} samples of this epoch could not be made, and max_errors is {self._most}; the last one "
                f"was sample {last.record} ({last.source}): {last.error}: {last.reason}. Mend the data, or raise "
                "max_errors"
            )

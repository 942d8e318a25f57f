"""Samples that can't be made: how many there may be, and the log of them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ...errors import OptionError, RecordError, TooManyErrorsError
from ..stats.meter import Meter

__all__ = ["Failure", "FaultLog"]

_log = logging.getLogger("penstock.loaders")


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
        path: to which each failure is appended as a line of JSON; None: nowhere. A log that can't be written any more
            costs no batch; that is told once, by `logging` ("penstock.loaders").
        most: how many there may be.
        rank, epoch: are in each line.
        meter: counts them, too.

    Raises:
        OptionError: the log can't be opened for appending.
    """

    def __init__(self, path: str | os.PathLike[str] | None, most: int, *, rank: int, epoch: int, meter: Meter) -> None:
        self._path = path
        self._most = most
        self._place = {"rank": rank, "epoch": epoch}
        self._meter = meter
        self._count = 0
        self._broken = False
        if path is not None:
            try:
                open(path, "a").close()
            except OSError as error:
                raise OptionError(
                    f"error_log={os.fspath(path)!r} can't be written: {error.strerror}; give the path of a file in a "
                    "folder that exists"
                ) from error

    def add(self, failures: Sequence[Failure]) -> None:
        """Counts and writes down the failures of a batch that is about to be delivered.

        Raises:
            TooManyErrorsError: there have been more than `most`.
        """
        if not failures:
            return
        self._write("".join(json.dumps(self._place | asdict(failure)) + "\n" for failure in failures))
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

    def _write(self, lines: str) -> None:
        if self._path is None or self._broken:
            return
        try:
            with open(self._path, "a", encoding="utf-8") as log:
                log.write(lines)
        except OSError as error:
            self._broken = True
            _log.warning("error_log %s can't be written any more: %s; from now on it lacks lines", self._path, error)

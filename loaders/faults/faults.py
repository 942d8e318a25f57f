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

    Where a substitute fails as well, that is another failure: `record`, `source`, `reason` and `error` are always those
    of the very sample that could not be made this time. The `substitute` of the last one is the sample that came in.

    Attributes:
        record: its index in the dataset.
        source: where it comes from: a file, or a shard and record, or the dataset's class.
        reason: the error's message.
        error: the error's class.
        action: what was done about it.
        substitute: the index of the sample that was tried in its place next, or None.
        instead_of: the index of the sample that belongs there, where this was a substitute for it, or None.
        attempt: 0, or which of the substitutes this was.
    """

    record: Any
    source: str
    reason: str
    error: str
    action: Literal["skip", "substitute"]
    substitute: int | None = None
    instead_of: int | None = None
    attempt: int = 0

    @classmethod
    def of(
        cls,
        error: BaseException,
        index: Any,
        source: str,
        substitute: int | None = None,
        *,
        instead_of: int | None = None,
        attempt: int = 0,
    ) -> Failure:
        """The failure of sample `index`; without a substitute it is skipped.

        Args:
            instead_of: the sample that belongs there, also where it is this one.
        """
        reason = error.reason if isinstance(error, RecordError) else str(error)
        plain = index if isinstance(index, str) else int(index) if hasattr(index, "__index__") else repr(index)
        action: Literal["skip", "substitute"] = "skip" if substitute is None else "substitute"
        other = None if substitute is None else int(substitute)
        own = None if instead_of is None or attempt == 0 else int(instead_of)
        return cls(plain, source, reason, type(error).__name__, action, other, own, attempt)


class FaultLog:
    """Counts the samples of one epoch of one rank that could not be made, and writes their failures down.

    What is counted are places of the order that could not be filled by their own sample: once each, however many
    substitutes fail there as well (those are written down), and again each time that the same sample comes up. The
    count begins at 0 with every pass, also with one that goes on where another one was stopped.

    Args:
        path: to which each failure is appended as a line of JSON; None: nowhere. A log that can't be written any more
            costs no batch; that is told once, by `logging` ("penstock.loaders").
        most: how many such places there may be.
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
        own = [failure for failure in failures if failure.attempt == 0]
        self._meter.skipped += sum(failure.action == "skip" for failure in own)
        self._meter.substituted += sum(failure.action == "substitute" for failure in own)
        self._count += len(own)
        if self._count > self._most:
            last = own[-1]
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

"""The bar of `progress=True`: batches, samples per second, and the share of time that the consumer waits."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from tqdm import tqdm

from .meter import Meter

__all__ = ["ProgressBar"]

_INTERVAL_SECONDS = 0.2


class _Bar(tqdm):  # type: ignore[type-arg]  # at run time it has no arguments before tqdm 4.67
    """Without tqdm's watching thread, which would outlive it."""

    monitor_interval = 0


class ProgressBar:
    """Shows one pass on standard error, where that is a terminal. What goes wrong there ends the bar, not the pass.

    Args:
        meter: of the pass; it has counted a batch before `step` is called for it.
        total: batches of the pass; None where nobody knows.
    """

    def __init__(self, meter: Meter, total: int | None) -> None:
        self._meter = meter
        self._process = os.getpid()
        self._shown = 0
        self._shown_at = time.perf_counter()
        self._before = (0, 0.0, 0.0)
        self._bar: _Bar | None = None
        if sys.stderr is None:  # as in a windowed program
            return
        try:
            self._bar = _Bar(total=total, unit=" batches", disable=None, dynamic_ncols=True)
        except (OSError, ValueError):  # standard error is closed
            return
        if self._bar.disable:
            self._bar = None

    def step(self) -> None:
        """One more batch was delivered."""
        if self._bar is not None and time.perf_counter() - self._shown_at > _INTERVAL_SECONDS:
            self._show()

    def close(self) -> None:
        """Shows the last numbers, and leaves the line. Idempotent; nothing in a forked child."""
        if self._bar is None or os.getpid() != self._process:
            return
        self._show()
        bar, self._bar = self._bar, None
        if bar is not None:
            self._try(bar.close)

    def _show(self) -> None:
        """The rate and the share since the last time."""
        bar, meter, now = self._bar, self._meter, time.perf_counter()
        if bar is None:
            return
        samples, waited, stepped = (
            current - earlier for current, earlier in zip(self._sums(), self._before, strict=True)
        )
        share = waited / (waited + stepped) if waited + stepped > 0 else 0.0
        if meter.batches > self._shown:
            rate = samples / max(now - self._shown_at, 1e-9)
            bar.set_postfix_str(f"{rate:,.0f} samples/s, waiting {share:.0%}", refresh=False)
        self._try(bar.update, meter.batches - self._shown)
        self._shown, self._shown_at, self._before = meter.batches, now, self._sums()

    def _sums(self) -> tuple[int, float, float]:
        return self._meter.samples, self._meter.wait_seconds, self._meter.step_seconds

    def _try(self, action: Any, *arguments: Any) -> None:
        try:
            action(*arguments)
        except (OSError, ValueError):  # the terminal has gone
            self._bar = None

"""A progress bar on stderr, where stderr is a terminal."""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from tqdm import tqdm

__all__ = ["Bar"]


class Bar:
    """Shows images per second and megabytes per second; a context manager, and safe to call from several threads.

    Args:
        title: shown before the bar.
        samples: total, where it is known from the start.
    """

    def __init__(self, title: str, samples: int | None = None) -> None:
        self._lock = threading.Lock()
        self._size = 0
        self._bar = tqdm(
            total=samples, desc=title, unit=" images", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
        )

    def start(self, samples: int, done: int) -> None:
        """There are `samples`; `done` of them cost nothing, because an earlier run has dealt with them."""
        self._bar.reset(samples)
        self._bar.initial = self._bar.n = self._bar.last_print_n = done
        self._bar.refresh()

    def advance(self, samples: int, size: int) -> None:
        """`samples` more have been dealt with, of `size` bytes."""
        with self._lock:
            self._size += size
            elapsed = self._bar.format_dict["elapsed"] if not self._bar.disable else 0
            if elapsed:
                self._bar.set_postfix_str(f"{self._size / elapsed / 1e6:.1f} MB/s", refresh=False)
            self._bar.update(samples)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

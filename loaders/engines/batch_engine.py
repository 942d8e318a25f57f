"""What makes whole batches: the interface of `_core.Engine`, which others have too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...record import Records

__all__ = ["BatchEngine"]


class BatchEngine(Protocol):
    """Makes batches of records in buffers of the caller's, each under a ticket; see `penstock._core.Engine`."""

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
        """Queues one batch and returns its ticket; `outs`: one buffer for each view, a numpy array or, on a device, a
        tensor."""
        ...

    def wait(self, ticket: int, timeout_seconds: float = 0.0) -> Sequence[tuple[int, Exception]] | None:
        """The rows that failed, with their errors, once the batch is finished; None: the timeout (0: none) ran out."""
        ...

    def ready(self, ticket: int) -> bool:
        """Whether `wait` would return at once."""
        ...

    def counters(self) -> Mapping[str, Any]:
        """What it has done since it began: "stages", "threads", "idle_seconds"."""
        ...

    def under_way(self) -> Sequence[tuple[int, int, int, str, float]]:
        """(ticket, row, index of its key, stage, seconds since it was begun) of what is worked on, longest first."""
        ...

    def close(self) -> None:
        """Drops what is queued and ends the threads. Idempotent."""
        ...

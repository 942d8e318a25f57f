"""One pass over a loader's batches, as far as its consumer has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..keys.keys import SampleKeys
from ..stats.meter import Meter
from ..stats.progress import ProgressBar
from ..stats.stats import Setup

__all__ = ["Cursor", "Pass"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a pass is once a batch has been delivered.

    Attributes:
        position: samples delivered over all ranks, for Penstock's own order; batches of this loader for all others.
        samples: how many samples the batch was asked for.
        dataset: the state of an iterable dataset that has one, after this batch; else None.
        keys: of the samples in the batch; None where they have none.
    """

    position: int
    samples: int = 0
    dataset: Any = None
    keys: SampleKeys | None = None


@dataclass(slots=True, eq=False)
class Pass:
    """One pass over a loader's batches; engines' iterators and the loader share it.

    Attributes:
        epoch: which.
        start: what `state_dict` says of the pass, but for the position.
        cursor: where the consumer is.
        obstacle: why the position is no state to go on from, in words; "" if it is.
        finished: the consumer has seen the end.
        meter: how its time was spent.
        bar: shows it; None where nobody asked for one.
    """

    epoch: int
    start: dict[str, Any]
    cursor: Cursor
    obstacle: str = ""
    finished: bool = False
    meter: Meter = field(default_factory=lambda: Meter(Setup()))
    bar: ProgressBar | None = None

    def deliver(self, cursor: Cursor, nbytes: int, began: float, ended: float) -> None:
        """A batch, with so many bytes of tensors, goes to the consumer.

        Who has waited for it from `began` to `ended` (`time.perf_counter`).
        """
        self.cursor = cursor
        self.meter.waited(began, ended)
        self.meter.delivered(cursor.samples, nbytes)
        if self.bar is not None:
            self.bar.step()

    def finish(self) -> None:
        """The consumer sees that there is no further batch."""
        self.finished = True
        self.close()

    def close(self) -> None:
        """It goes no further: it was finished, or left early. Idempotent."""
        self.meter.close()
        if self.bar is not None:
            self.bar.close()

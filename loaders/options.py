"""The arguments of a loader that choose its engine and what it does about faults, checked."""

from __future__ import annotations

import math
import operator
import os
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from torch.utils.data import IterableDataset

from ..errors import OptionError
from .state.stateful import has_state

__all__ = ["EngineOption", "ErrorPolicy", "ExecutorOption", "Options", "WorkerDeathPolicy", "WorkerKind", "integer"]

ExecutorOption: TypeAlias = Literal["auto", "native", "torch", "dali"]
EngineOption: TypeAlias = Literal["auto", "native", "python"]
WorkerKind: TypeAlias = Literal["processes", "threads"]
ErrorPolicy: TypeAlias = Literal["raise", "skip", "substitute"]
WorkerDeathPolicy: TypeAlias = Literal["raise", "restart"]

_CHOICES = {
    "executor": ("auto", "native", "torch", "dali"),
    "engine": ("auto", "native", "python"),
    "workers": ("processes", "threads"),
    "on_error": ("raise", "skip", "substitute"),
    "on_worker_death": ("raise", "restart"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """Checked arguments of `DataLoader`, which documents them.

    Raises:
        OptionError: a value that none of them takes.
    """

    executor: ExecutorOption = "auto"
    engine: EngineOption = "auto"
    workers: WorkerKind = "processes"
    on_error: ErrorPolicy = "raise"
    max_errors: int = 100
    error_log: str | os.PathLike[str] | None = None
    on_worker_death: WorkerDeathPolicy = "raise"
    max_restarts: int = 10
    watchdog: float | None = None
    executor_fallback: bool = False

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = " or ".join(map(repr, choices))
                raise OptionError(f"{name} must be {known}, got {getattr(self, name)!r}")
        if not isinstance(self.executor_fallback, bool):
            raise OptionError(f"executor_fallback must be True or False, got {self.executor_fallback!r}")
        for name in ("max_errors", "max_restarts"):
            if integer(name, getattr(self, name)) < 0:
                raise OptionError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.error_log is not None and not isinstance(self.error_log, str | os.PathLike):
            raise OptionError(f"error_log must be the path of a file, or None, got {self.error_log!r}")
        seconds = self.watchdog
        if seconds is None:
            return
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise OptionError(f"watchdog must be a number of seconds, 0 (off) or None, got {seconds!r}")

    def check_dataset(self, dataset: Any) -> None:
        """Refuses what needs samples with an index where there are none."""
        if not isinstance(dataset, IterableDataset):
            return
        kind = type(dataset).__name__
        if self.on_error != "raise":
            raise OptionError(
                f"on_error={self.on_error!r} is about single samples of map-style datasets, got the IterableDataset "
                f"{kind}, whose iteration ends with its first error; catch errors inside it"
            )
        if self.workers == "threads":
            raise OptionError(
                f"workers='threads' needs a map-style dataset, got the IterableDataset {kind}, of which each worker "
                "needs a copy of its own; use workers='processes'"
            )
        if self.on_worker_death == "restart" and not has_state(dataset):
            raise OptionError(
                f"on_worker_death='restart' must know where the IterableDataset {kind} was when its worker died; give "
                "it state_dict() and load_state_dict(), or use on_worker_death='raise'"
            )

    def needs_own_pool(self) -> bool:
        """Whether worker processes have to be Penstock's own, whatever else the loader is given."""
        return (
            self.workers == "threads"
            or self.on_error != "raise"
            or self.on_worker_death == "restart"
            or bool(self.watchdog)
        )


def integer(name: str, value: Any) -> int:
    """`value` as an int; OptionError for what is none."""
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise OptionError(f"{name} must be an int, got {value!r}")

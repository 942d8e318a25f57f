"""What the pool asks of its workers, whatever they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .board import Board, Counters
from .death import Death
from .task import Task

__all__ = ["Arrival", "Crew"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A task's end.

    Attributes:
        serial: number of the task within the pool's life.
        open: gives the result, or raises what the job raised.
    """

    serial: int
    open: Callable[[], Any]


class Crew(ABC):
    """Workers of one kind.

    Attributes:
        deaths: of workers that have not been replaced yet.
    """

    deaths: deque[Death]

    @abstractmethod
    def boards(self) -> Sequence[Board]:
        """The workers' boards."""

    @abstractmethod
    def pid(self, worker: int) -> int:
        """The worker's process."""

    @abstractmethod
    def send(self, worker: int, serial: int, task: Task) -> None:
        """Gives a task to a worker, without waiting for anything.

        Raises:
            Exception: whatever the pickling of the task raises.
        """

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Waits until `gather` has something to do. Nothing is lost if Ctrl-C interrupts it."""

    @abstractmethod
    def gather(self) -> list[Arrival]:
        """What has arrived, without waiting; puts dead workers into `deaths`."""

    @abstractmethod
    def replace(self, worker: int) -> None:
        """Puts a new worker in a dead one's place."""

    @abstractmethod
    def past(self, worker: int) -> Counters:
        """What the worker's predecessors did."""

    @abstractmethod
    def stacks(self, worker: int) -> str:
        """The stacks of the worker's Python threads."""

    @abstractmethod
    def close(self) -> None:
        """Ends the workers, at once if they wait, by force if need be. Does nothing in a forked child."""

"""What a worker of either kind does with its tasks."""

from __future__ import annotations

from typing import Any

from .board import Board
from .task import Job, Task

__all__ = ["Execution"]


class Execution:
    """A job in one worker. Errors of its start are the errors of each of its tasks.

    Args:
        job: this worker's own copy.
        board: where the worker notes what it does.
        worker: its number.
        workers: how many there are.
        seed: see `PoolOptions`.
    """

    def __init__(self, job: Job, board: Board, worker: int, workers: int, seed: int) -> None:
        self._job = job
        self._board = board
        self._failure: Exception | None = None
        board.at("start")
        try:
            job.start(worker, workers, seed)
        except Exception as error:  # the user's worker_init_fn
            self._failure = error
        board.end()

    def run(self, task: Task) -> Any:
        """The task's result, or what it raises."""
        self._board.begin(task.number)
        self._board.at("run")
        if self._failure is not None:
            raise self._failure
        return self._job.run(task.payload, self._board)

"""Penstock's own worker pool: processes or threads that make results in order, and outlive what kills a worker."""

from .options import PoolOptions
from .pool import Result, WorkerPool
from .task import Job, Place, Task

__all__ = ["Job", "Place", "PoolOptions", "Result", "Task", "WorkerPool"]

"""Who applies a pipeline to decoded images; every executor gives the same pixels from the same parameters."""

from .base import Executor
from .native import NativeExecutor
from .reference import ReferenceExecutor

__all__ = ["Executor", "NativeExecutor", "ReferenceExecutor"]

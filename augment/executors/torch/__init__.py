"""A whole batch of tensors at a time, on any device that torch has with float64; imported only where it is used."""

from .executor import TorchExecutor

__all__ = ["TorchExecutor"]

"""Executors of whole batches on a device, by name; each is imported only where it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from ...errors import OptionError
from ..params import ParamTable
from ..pipeline import Pipeline

__all__ = ["BatchExecutor", "batch_executor"]

_KINDS = {"torch": (".torch", "TorchExecutor")}
"""Module and class by name."""


class BatchExecutor(Protocol):
    """Applies one pipeline to batches of tensors, with parameters that `Pipeline.params` drew. Draws nothing itself."""

    def run_batch(self, batch: Any, params: ParamTable) -> Any:
        """The images transformed, on the device that they are on.

        Args:
            batch: a (n, 3, height, width) tensor of uint8; not changed.
            params: n rows, drawn for images of (height, width).

        Returns:
            (n, 3, h, w) of the pipeline's dtype, in the batch's memory format.
        """
        ...


def batch_executor(name: str, pipeline: Pipeline, device: Any) -> BatchExecutor:
    """The executor of this name for `pipeline` on `device`.

    Raises:
        OptionError: no executor has this name.
        SpecError: it can't run an op of the pipeline; the message names the op.
    """
    if name not in _KINDS:
        raise OptionError(f"executors of batches are {', '.join(map(repr, _KINDS))}, got {name!r}")
    module, kind = _KINDS[name]
    executor: BatchExecutor = getattr(import_module(module, __package__), kind)(pipeline, device)
    return executor

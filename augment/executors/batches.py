"""Executors of whole batches on a device, by name; each is imported only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from ...errors import OptionError
from ..ops import CutMix, MixUp, Op
from ..params import ParamTable
from ..pipeline import Pipeline

__all__ = ["BatchExecutor", "BatchMixer", "batch_executor", "batch_mixer", "mixing_of"]

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

    def run_images(self, images: Sequence[Any], params: ParamTable) -> Any:
        """As `run_batch`, for (3, height, width) tensors of any sizes, on one device; `params` are drawn for those."""
        ...


class BatchMixer(Protocol):
    """Does to batches of tensors what an op that mixes them with each other says. Draws nothing itself."""

    def check(self, images: Any, labels: Any, samples: Sequence[int]) -> None:
        """Refuses a batch that can't be mixed, before it goes anywhere.

        Args:
            images: a (batch, 3, height, width) tensor.
            labels: what came with them.
            samples: what messages call each of them.

        Raises:
            OptionError: images or labels of another kind, or labels that are no class.
        """
        ...

    def mix(self, images: Any, labels: Any, drawn: Mapping[str, float]) -> tuple[Any, Any]:
        """Images of their dtype and memory format, and (batch, num_classes) float32 labels; tensors stay as they are.

        Args:
            images: (batch, 3, height, width) of uint8, float16 or float32, on any device.
            labels: (batch,) ints that are classes, or (batch, num_classes) numbers, there too.
            drawn: what the op, with those inside it, drew for the first sample of the batch.
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


def mixing_of(op: Op, drawn: Mapping[str, float]) -> tuple[MixUp | CutMix, Mapping[str, float]]:
    """Which op mixes a batch, where `op`, of `Stage.BATCH`, may be a choice of some, and what it drew."""
    if isinstance(op, MixUp | CutMix):
        return op, drawn
    place = int(drawn["choice"])
    prefix = f"{place}."
    inner = {name.removeprefix(prefix): value for name, value in drawn.items() if name.startswith(prefix)}
    return mixing_of(op.branches[place][0], inner)


def batch_mixer(op: Op) -> BatchMixer:
    """Who mixes batches as `op`, of `Stage.BATCH`, says."""
    mixer: BatchMixer = import_module(".torch.mixing", __package__).TorchMixer(op)
    return mixer

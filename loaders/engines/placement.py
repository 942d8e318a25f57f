"""Where each op of a loader's pipeline runs: which part of it engines make, and which is left to finish batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ...augment import Augmentation, Op, Pipeline, Views
from ...augment.executors.batches import batch_executor
from ...augment.ops.base import Stage
from ...errors import OptionError, SpecError
from ..augmented import Augmented
from ..devices.finishing import ExecutorStep, Finishing
from ..layout import default_collating

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["Placement", "place"]

_NO_SIZE = "the pipeline has no fixed output size: end its resizing with a crop or a (height, width)"


@dataclass(frozen=True, slots=True)
class Placement:
    """A pipeline in two parts.

    Attributes:
        made: what engines make of each sample; None for a loader without a pipeline.
        rest: what finishes their batches; None where nothing is left.
        devices: where that is.
        why: for what the split is good, or why there is none, in words.
    """

    made: Augmentation | None = None
    rest: Pipeline | None = None
    devices: tuple[torch.device, ...] = ()
    why: str = ""

    def dataset(self, dataset: Any) -> Any:
        """What engines ask for samples, in place of the loader's dataset."""
        if self.rest is None or self.made is None or not isinstance(dataset, Augmented):
            return dataset
        return dataset.until(self.made)

    def finishings(self) -> list[Finishing]:
        """What finishes batches, on each device."""
        if self.rest is None or not isinstance(self.made, Pipeline) or self.made.output_size is None:
            return []
        size = self.made.output_size
        return [
            Finishing(ExecutorStep(batch_executor("torch", self.rest, device), self.rest, size))
            for device in self.devices
        ]


def place(loader: DataLoader[Any]) -> Placement:
    """Where the ops of this loader's pipeline run, as the loader is now.

    Raises:
        OptionError, SpecError: `executor` can't run the pipeline, or not in this loader; the message says why.
    """
    pipeline, executor = loader.augment, loader.executor
    if pipeline is None:
        if executor in ("torch", "dali"):
            raise OptionError(f"executor={executor!r} runs a declared pipeline, and there is none; give augment=")
        return Placement()
    if executor == "dali":
        raise OptionError(
            "executor='dali' needs NVIDIA DALI; pip install penstock[dali], or take executor='torch', which runs on "
            "any device that torch has"
        )
    devices = loader._targets or (torch.device("cpu"),)
    on_gpu = all(device.type == "cuda" for device in devices)
    if executor == "native" or (executor == "auto" and not on_gpu):
        why = "executor='native' asks for it" if executor == "native" else "the native kernels are the fastest on a CPU"
        return Placement(pipeline, why=why)
    obstacles = _obstacles(loader, pipeline)
    if obstacles and executor == "torch" and not loader.executor_fallback:
        raise OptionError(
            f"executor='torch' can't run in this loader: {'; '.join(obstacles)}. Change that, use executor='auto', or "
            "allow executor_fallback=True"
        )
    if obstacles or isinstance(pipeline, Views):
        return Placement(pipeline, why="; ".join(obstacles))
    fewest = executor == "torch"
    return _split(pipeline, devices, fewest=fewest, fallback=loader.executor_fallback or not fewest)


def _obstacles(loader: DataLoader[Any], pipeline: Augmentation) -> list[str]:
    """Why no batch of this loader's could be finished."""
    obstacles = []
    if loader.batch_sampler is None:
        obstacles.append("batch_size=None: samples come one by one")
    elif loader.collate_fn is not default_collating(loader.memory_format):
        obstacles.append("collate_fn is your own, and what it makes of images is unknown")
    if isinstance(pipeline, Views):
        obstacles.append("augment= are Views, which the native kernels make from one decode")
    elif pipeline.output_size is None:
        obstacles.append(_NO_SIZE)
    return obstacles


def _split(pipeline: Pipeline, devices: tuple[torch.device, ...], *, fewest: bool, fallback: bool) -> Placement:
    """The first part is what makes sizes equal (with `fewest`), and what moves pixels after it (without).

    With `fallback` it is also what the executor can't run, and all before.
    """
    position = _fixed_from(pipeline)
    if not fewest:
        position += _leading(pipeline[position:], Stage.GEOMETRY)
    reason = ""
    while position < len(pipeline):
        try:
            made, rest = pipeline.split(position)
            for device in devices:
                batch_executor("torch", rest, device)
        except SpecError as error:
            if not fallback:
                raise SpecError(f"executor='torch': {error}, or allow executor_fallback=True") from error
            reason = reason or str(error)
            position += 1
        else:
            where = ", ".join(map(str, dict.fromkeys(devices)))
            return Placement(made, rest, devices, reason or f"uint8 batches of one size are what goes to {where}")
    return Placement(pipeline, why=reason or "all of it makes the images' sizes equal")


def _fixed_from(pipeline: Pipeline) -> int:
    """After how many ops the size is the same for all images."""
    return next(count for count in range(len(pipeline) + 1) if pipeline[:count].output_size is not None)


def _leading(ops: Sequence[Op], stage: Stage) -> int:
    """How many of the first ops are of this stage."""
    return next((count for count, op in enumerate(ops) if op.stage is not stage), len(ops))

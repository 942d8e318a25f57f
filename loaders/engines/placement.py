"""Where each op of a loader's pipeline runs: which part of it engines make, and which is left to finish batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from ...augment import Augmentation, Op, Pipeline, Views
from ...augment.executors.batches import batch_executor
from ...augment.executors.dali import load_dali
from ...augment.ops.base import Stage
from ...augment.views import pipelines_of
from ...errors import OptionError, SpecError
from ..augmented import Augmented
from ..collating import NO_SIZE, unsized
from ..devices.finishing import ExecutorStep, Finishing, FinishingCheck, FinishingStep, MixingStep, Part
from ..layout import default_collating
from .dali_parts import DaliParts

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["Placement", "place"]


@dataclass(frozen=True, slots=True)
class Placement:
    """A pipeline, or those of several views, in parts.

    Attributes:
        made: what engines make of each sample; None for a loader without a pipeline.
        rests: what finishes their batches, for each view; none where nothing is left.
        devices: where that is, and where batches are mixed.
        why: for what the split is good, or why there is none, in words.
        dali: of each view, what DALI makes and what torch does, on the (only) device; none where the native kernels do.
        mixing: what mixes the samples of finished batches; None for nothing.
    """

    made: Augmentation | None = None
    rests: tuple[Pipeline, ...] = ()
    devices: tuple[torch.device, ...] = ()
    why: str = ""
    dali: tuple[DaliParts, ...] = ()
    mixing: Pipeline | None = None

    def dataset(self, dataset: Any) -> Any:
        """What engines ask for samples, in place of the loader's dataset."""
        whole = not self.rests and self.mixing is None
        if whole or self.made is None or not isinstance(dataset, Augmented):
            return dataset
        return dataset.until(self.made)

    def finishings(self) -> list[Finishing]:
        """What finishes batches, on each device; none where they are finished."""
        mixing: list[FinishingStep] = []
        checks: list[FinishingCheck] = []
        if self.mixing is not None:
            step = MixingStep(self.mixing)
            mixing, checks = [step], [step.check]
        steps = [self._executor_steps(device) + mixing for device in self.devices]
        return [Finishing(*each, checks=checks) for each in steps if each]

    def _executor_steps(self, device: torch.device) -> list[FinishingStep]:
        if not self.rests or self.made is None:
            return []
        sizes = [pipeline.output_size for pipeline in pipelines_of(self.made)]
        parts = [
            Part(batch_executor("torch", rest, device), rest, size or (1, 1), view)
            for view, (rest, size) in enumerate(zip(self.rests, sizes, strict=True))
        ]
        return [ExecutorStep(parts, by_view=isinstance(self.made, Views))]


def place(loader: DataLoader[Any]) -> Placement:
    """Where the ops of this loader's pipeline run, as the loader is now.

    Raises:
        OptionError, SpecError: `executor` can't run the pipeline, or not in this loader; the message says why.
    """
    samples, mixing = loader.augment, None
    if isinstance(samples, Pipeline):
        samples, mixing = samples.split_batches()
    placement = _place_samples(loader, samples)
    if mixing is None:
        return placement
    if loader.batch_sampler is None:
        raise OptionError(f"{mixing[0]!r} mixes batches, and batch_size=None makes none; give a batch size")
    if not _knows_samples(loader):
        raise OptionError(
            f"{mixing[0]!r} depends on which samples a batch has, and with in_order=False torch's workers don't say; "
            "leave out in_order=False, or give seed="
        )
    return replace(placement, mixing=mixing, devices=_devices(loader))


def _knows_samples(loader: DataLoader[Any]) -> bool:
    """Whether it is known which samples a batch has.

    Torch's workers don't say which batch it is that came first; Penstock's, which know orders by seed, do.
    """
    return loader.in_order or not loader.num_workers or loader._order_sampler is not None


def _devices(loader: DataLoader[Any]) -> tuple[torch.device, ...]:
    return loader._targets or (torch.device("cpu"),)


def _place_samples(loader: DataLoader[Any], augmentation: Augmentation | None) -> Placement:
    executor = loader.executor
    if augmentation is None:
        if executor in ("torch", "dali"):
            raise OptionError(
                f"executor={executor!r} runs a declared pipeline, and there is none; give augment=, which for a "
                "torchvision transform is penstock.augment.from_torchvision(transform), then taken out of the dataset"
            )
        return Placement()
    devices = _devices(loader)
    if executor == "dali":
        return _dali(augmentation, devices, fallback=loader.executor_fallback)
    on_gpu = all(device.type == "cuda" for device in devices)
    if executor == "native" or (executor == "auto" and not on_gpu):
        why = "executor='native' asks for it" if executor == "native" else "the native kernels are the fastest on a CPU"
        return Placement(augmentation, why=why)
    obstacles = _obstacles(loader, augmentation)
    if obstacles and executor == "torch" and not loader.executor_fallback:
        raise OptionError(
            f"executor='torch' can't run in this loader: {'; '.join(obstacles)}. Change that, use executor='auto', or "
            "allow executor_fallback=True"
        )
    if obstacles:
        return Placement(augmentation, why="; ".join(obstacles))
    fewest = executor == "torch"
    return _split(augmentation, devices, fewest=fewest, fallback=loader.executor_fallback or not fewest)


def _obstacles(loader: DataLoader[Any], augmentation: Augmentation) -> list[str]:
    """Why no batch of this loader's could be finished."""
    obstacles = []
    if loader.batch_sampler is None:
        obstacles.append("batch_size=None: samples come one by one")
    elif loader.collate_fn is not default_collating(loader.memory_format):
        obstacles.append("collate_fn is your own, and what it makes of images is unknown")
    if not _knows_samples(loader):
        obstacles.append("in_order=False without seed=: torch's workers don't say which samples a batch has")
    if unsized(augmentation):
        obstacles.append(NO_SIZE)
    return obstacles


def _split(augmentation: Augmentation, devices: tuple[torch.device, ...], *, fewest: bool, fallback: bool) -> Placement:
    splits = {
        pipeline: _Split.of(pipeline, devices, fewest=fewest, fallback=fallback)
        for pipeline in dict.fromkeys(pipelines_of(augmentation))
    }
    chosen = [splits[pipeline] for pipeline in pipelines_of(augmentation)]
    reasons = dict.fromkeys(split.reason for split in chosen if split.reason)
    if not any(split.rest for split in chosen):
        return Placement(augmentation, why="; ".join(reasons) or "all of it makes the images' sizes equal")
    firsts = [split.first for split in chosen]
    made = Views.of(firsts) if isinstance(augmentation, Views) else firsts[0]
    where = ", ".join(map(str, dict.fromkeys(devices)))
    why = "; ".join(reasons) or f"uint8 batches of one size are what goes to {where}"
    return Placement(made, tuple(split.rest for split in chosen), devices, why)


@dataclass(frozen=True, slots=True)
class _Split:
    """One pipeline in two parts, and what made the first one longer than it had to be."""

    first: Pipeline
    rest: Pipeline
    reason: str = ""

    @classmethod
    def of(cls, pipeline: Pipeline, devices: Sequence[torch.device], *, fewest: bool, fallback: bool) -> _Split:
        """The first part is what makes sizes equal (with `fewest`), and what moves pixels after it (without).

        It has all functions, which run in Python; with `fallback` also what the executor can't run, and all before.
        """
        position, reason = _first_split(pipeline, fewest=fewest)
        floats = next((place for place, op in enumerate(pipeline) if op.stage is Stage.DTYPE), len(pipeline))
        while position <= floats and position < len(pipeline):
            first, rest = pipeline.split(position)
            try:
                for device in devices:
                    batch_executor("torch", rest, device)
            except (OptionError, SpecError) as error:
                if not fallback:
                    raise type(error)(f"executor='torch': {error}, or allow executor_fallback=True") from error
                reason = reason or str(error)
                position += 1
            else:
                return cls(first, rest, reason)
        first, rest = pipeline.split(len(pipeline))
        return cls(first, rest, reason)


def _first_split(pipeline: Pipeline, *, fewest: bool) -> tuple[int, str]:
    """How many ops the first part needs, and why it has more than make sizes equal."""
    sized = next(count for count in range(len(pipeline) + 1) if pipeline[:count].output_size is not None)
    if not fewest:
        sized += _leading(pipeline[sized:], Stage.GEOMETRY)
    last = max(pipeline.functions, default=-1)
    if last < sized:
        return sized, ""
    return last + 1, f"{pipeline[last]!r} at position {last} is a Python function, and all before it runs where it does"


def _dali(augmentation: Augmentation, devices: tuple[torch.device, ...], *, fallback: bool) -> Placement:
    """All is made on the device, by DALI and torch; with `fallback`, by the native kernels where that can't be."""
    try:
        if len(devices) > 1:
            raise OptionError(f"executor='dali' makes batches on one device, got devices={[*map(str, devices)]}")
        if devices[0].type not in ("cpu", "cuda"):
            raise OptionError(
                f"executor='dali' runs on CUDA devices and on the CPU, got device={str(devices[0])!r}; use "
                "executor='torch' there, or allow executor_fallback=True"
            )
        load_dali()
        parts = tuple(DaliParts(pipeline) for pipeline in pipelines_of(augmentation))
        for part in dict.fromkeys(parts):
            part.check(devices[0])
    except (OptionError, SpecError) as error:
        if not fallback:
            raise
        return Placement(augmentation, why=str(error))
    reasons = dict.fromkeys(part.why for part in parts if part.why)
    return Placement(augmentation, (), devices, "; ".join(reasons) or "DALI can run all of it", parts)


def _leading(ops: Sequence[Op], stage: Stage) -> int:
    """How many of the first ops are of this stage."""
    return next((count for count, op in enumerate(ops) if op.stage is not stage), len(ops))

"""What is left to do to batches that an engine has made, on their way to the consumer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from ...augment import ParamTable, Pipeline
from ...augment.executors.batches import BatchExecutor, batch_mixer
from ...errors import OptionError
from ..keys.keys import SampleKeys
from .tree import tensors_in

__all__ = ["ExecutorStep", "Finishing", "FinishingCheck", "FinishingStep", "MixingStep", "Part"]

FinishingStep: TypeAlias = Callable[[list[Any], SampleKeys], list[Any]]
"""What comes after a batch `[images, labels ...]` whose samples have these keys; it may change the list, not the
tensors."""

FinishingCheck: TypeAlias = Callable[[Any, SampleKeys | None], None]
"""Refuses a batch, on the host, as the engine made it, before it goes to a device."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rest of one pipeline.

    Attributes:
        executor: runs it, on the device where the images are.
        rest: the second part of the pipeline.
        size: (height, width) of the images that the first part makes.
        view: which view they are.
    """

    executor: BatchExecutor
    rest: Pipeline
    size: tuple[int, int]
    view: int = 0

    def run(self, images: torch.Tensor, keys: SampleKeys) -> torch.Tensor:
        """What comes after these images, (n, 3, height, width), or after (n, crops, 3, height, width), of which the
        crops of one image share what is drawn."""
        if not self.rest:
            return images
        params = self.rest.params(keys.indices, keys.epoch, keys.seed, self.size, keys.draws, self.view)
        single = images.flatten(0, -4)
        shared = ParamTable(params.columns, params.values.repeat(len(single) // len(images), axis=0))
        finished: torch.Tensor = self.executor.run_batch(single, shared)
        return finished.view(*images.shape[:-3], *finished.shape[1:])


class ExecutorStep:
    """The rest of a pipeline, or of those of several views.

    Args:
        parts: one for each view.
        by_view: images are a list of tensors, one for each view; else one tensor.
    """

    def __init__(self, parts: Sequence[Part], *, by_view: bool = False) -> None:
        self._parts = parts
        self._by_view = by_view

    def __call__(self, batch: list[Any], keys: SampleKeys) -> list[Any]:
        given = batch[0] if self._by_view else batch[:1]
        finished = [part.run(images, keys) for part, images in zip(self._parts, given, strict=True)]
        return [finished if self._by_view else finished[0], *batch[1:]]


class MixingStep:
    """Mixes the samples of a batch with each other, by what the first of them draws.

    Args:
        mixing: the op that does, as the last part of its pipeline.
    """

    def __init__(self, mixing: Pipeline) -> None:
        self._mixing = mixing
        self._mixer = batch_mixer(mixing[0])

    def check(self, batch: Any, keys: SampleKeys | None) -> None:
        """Raises OptionError for a batch that can't be mixed, and says what to do."""
        if keys is None or not isinstance(batch, list | tuple) or not isinstance(batch[0], torch.Tensor):
            raise OptionError(
                f"{self._mixing[0]!r} needs batches [images, labels, ...] of tensors, got {type(batch).__name__}; let "
                "collate_fn give them, or leave it out and mix what it gives"
            )
        self._mixer.check(batch[0], batch[1] if len(batch) > 1 else None, keys.plain())

    def __call__(self, batch: list[Any], keys: SampleKeys) -> list[Any]:
        images, labels, *others = batch
        height, width = images.shape[2:]
        params = self._mixing.params(keys.indices[:1], keys.epoch, keys.seed, (height, width), keys.draws[:1])
        return [*self._mixer.mix(images, labels, params.drawn(0, 0)), *others]


class Finishing:
    """Does steps, one after the other, to each batch; thread-safe as far as they are.

    The consumer's autocast and gradient modes have no part in it.

    Args:
        steps: what is done, in order.
        checks: what is asked before.
    """

    def __init__(self, *steps: FinishingStep, checks: Sequence[FinishingCheck] = ()) -> None:
        self._steps = steps
        self._checks = checks

    def check(self, batch: Any, keys: SampleKeys | None) -> None:
        """Raises what the checks do; to be asked before the batch goes to its device, which would have to wait."""
        for check in self._checks:
            check(batch, keys)

    def __call__(self, batch: Any, keys: SampleKeys | None) -> Any:
        """The finished batch.

        Args:
            batch: a list or tuple whose first item are the images, (n, 3, height, width) or (n, crops, 3, height,
                width), on any device, or a list of them.
            keys: of its n samples.

        Raises:
            OptionError: a batch of another structure, or without keys.
        """
        images = next(iter(tensors_in(batch[0])), None) if isinstance(batch, list | tuple) else None
        if keys is None or images is None:
            raise OptionError(
                f"executor= works on batches [images, labels] of samples with keys, got {type(batch).__name__}; use "
                "executor='native'"
            )
        finished = list(batch)
        with torch.no_grad(), torch.autocast(images[1].device.type, enabled=False):
            for step in self._steps:
                finished = step(finished, keys)
        return finished

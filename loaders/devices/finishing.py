"""What is left to do to batches that an engine has made, on their way to the consumer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import torch

from ...augment import Pipeline
from ...augment.executors.batches import BatchExecutor
from ...errors import OptionError
from ..keys.keys import SampleKeys

__all__ = ["ExecutorStep", "Finishing", "FinishingStep"]

FinishingStep: TypeAlias = Callable[[list[Any], SampleKeys], list[Any]]
"""What comes after a batch `[images, labels ...]` whose samples have these keys; it may change the list, not the
tensors."""


class ExecutorStep:
    """The rest of a pipeline, run by an executor on the device where the images are.

    Args:
        executor: runs `rest`.
        rest: the second part of a pipeline.
        size: (height, width) of the images that the first part makes.
    """

    def __init__(self, executor: BatchExecutor, rest: Pipeline, size: tuple[int, int]) -> None:
        self._executor = executor
        self._rest = rest
        self._size = size

    def __call__(self, batch: list[Any], keys: SampleKeys) -> list[Any]:
        params = self._rest.params(keys.indices, keys.epoch, keys.seed, self._size, keys.draws)
        return [self._executor.run_batch(batch[0], params), *batch[1:]]


class Finishing:
    """Does steps, one after the other, to each batch; thread-safe as far as they are.

    The consumer's autocast and gradient modes have no part in it.

    Args:
        steps: what is done, in order.
    """

    def __init__(self, *steps: FinishingStep) -> None:
        self._steps = steps

    def __call__(self, batch: Any, keys: SampleKeys | None) -> Any:
        """The finished batch.

        Args:
            batch: a list or tuple whose first item are the images, (n, 3, height, width), on any device.
            keys: of its n samples.

        Raises:
            OptionError: a batch of another structure, or without keys.
        """
        if keys is None or not isinstance(batch, list | tuple) or not isinstance(batch[0], torch.Tensor):
            raise OptionError(
                f"executor= works on batches [images, labels] of samples with keys, got {type(batch).__name__}; use "
                "executor='native'"
            )
        finished = list(batch)
        with torch.no_grad(), _full_precision(batch[0].device):
            for step in self._steps:
                finished = step(finished, keys)
        return finished


def _full_precision(device: torch.device) -> AbstractContextManager[Any]:
    return torch.autocast(device.type, enabled=False)

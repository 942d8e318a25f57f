"""A declared pipeline in two parts: what DALI runs, and the rest of it, which is torch's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ...augment import ParamTable, Pipeline
from ...augment.executors.batches import BatchExecutor, batch_executor
from ...augment.executors.dali import Branch, dali_obstacle, dali_prefix
from ...augment.ops.base import Stage
from ...errors import SpecError

__all__ = ["DaliParts", "TorchRest"]


@dataclass(frozen=True)
class DaliParts:
    """The parts of one pipeline.

    Attributes:
        whole: the pipeline.
    """

    whole: Pipeline

    @cached_property
    def ops(self) -> int:
        """How many of its first ops DALI runs; the next one begins with uint8 images."""
        able = dali_prefix(self.whole)
        if able == len(self.whole):
            return able
        return sum(op.stage in (Stage.GEOMETRY, Stage.COLOUR) for op in self.whole[:able])

    @property
    def first(self) -> Pipeline:
        """What DALI runs."""
        return self.whole.split(self.ops)[0]

    @property
    def rest(self) -> Pipeline:
        """What torch runs."""
        return self.whole.split(self.ops)[1]

    @property
    def why(self) -> str:
        """Why there is a rest, in words: each op that can't run in DALI; "" where there is none."""
        obstacles = ((type(op).__name__, dali_obstacle(op)) for op in self.whole)
        return "; ".join(dict.fromkeys(f"{name} can't run in DALI: {why}" for name, why in obstacles if why))

    def check(self, device: torch.device) -> None:
        """SpecError where torch can't run the rest on this device; names the op."""
        try:
            batch_executor("torch", self.rest, device)
        except SpecError as error:
            raise SpecError(f"executor='dali': {self.why}; {error}, or allow executor_fallback=True") from error

    def branch(self, name: str, *, channels_last: bool) -> Branch:
        """DALI's part, which gives what torch takes, or the results with their layout."""
        return Branch(self.whole, self.ops, name, channels_last=channels_last and not self.rest)


class TorchRest:
    """The part of a pipeline that torch runs behind DALI, where there is one.

    Args:
        parts: of the pipeline.
        branch: DALI's part.
        device: where both are run.
    """

    def __init__(self, parts: DaliParts, branch: Branch, device: torch.device) -> None:
        first, rest = parts.whole.split(parts.ops)
        self._executor: BatchExecutor | None = batch_executor("torch", rest, device) if rest else None
        self._columns = rest.columns
        self._drawn_before = len(first.columns)
        # DALI decodes no more than the window of the first op.
        self._placed = [self._columns.index(f"0.{field}") for field in "xy"] if not first and branch.window else []

    def run(self, images: torch.Tensor | list[torch.Tensor], params: ParamTable) -> torch.Tensor:
        """The results, where `images` are what DALI made of these samples, and `params` are of the whole pipeline."""
        if self._executor is None:
            return images if isinstance(images, torch.Tensor) else torch.stack(images)
        values = np.array(params.values[:, self._drawn_before :])
        values[:, self._placed] = 0
        own = ParamTable(self._columns, values)
        finished: torch.Tensor
        if isinstance(images, torch.Tensor):
            finished = self._executor.run_batch(images, own)
        else:
            finished = self._executor.run_images(images, own)
        return finished

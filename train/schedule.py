"""The learning rate as a function of the step: linear warm-up, then half a cosine down to zero."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import OptionError

__all__ = ["Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Has no state of its own: a run that resumes at step n goes on with `at(n)`.

    Warm-up as in Goyal et al., "Accurate, large minibatch SGD" (2017), cosine as in Loshchilov and Hutter, "SGDR" (ICLR
    2017), without restarts; both are applied per step.

    Attributes:
        peak: learning rate at the end of the warm-up.
        warmup_steps: steps that rise linearly to `peak` (the first one is already above zero).
        total_steps: steps of the whole run; the rate reaches zero right after the last one.
    """

    peak: float
    warmup_steps: int
    total_steps: int

    def __post_init__(self) -> None:
        if not 0 <= self.warmup_steps < self.total_steps:
            raise OptionError(
                f"warm-up takes {self.warmup_steps} steps of {self.total_steps} in the whole run; "
                "it has to end before the run does: lower --warmup-epochs or raise --epochs"
            )

    def at(self, step: int) -> float:
        """Learning rate of step 0, 1, 2 ..."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return self.peak * (1 + math.cos(math.pi * min(done, 1.0))) / 2

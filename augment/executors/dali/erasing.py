"""Steps that write over parts of finished results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...ops import Cutout, RandomErasing
from .modules import Dali, Node
from .steps import Drawn, Input, Sizes, Step, Values

__all__ = ["Erase"]


class Erase(Step):
    """Writes one colour over rectangles; those without pixels leave the result as it is."""

    inputs: ClassVar[Mapping[str, Input]] = {"anchor": Input(1, np.float32), "shape": Input(1, np.float32)}

    after_conversion = True

    def __init__(self, op: RandomErasing | Cutout) -> None:
        value = op.value
        self._value = [0.0] if isinstance(value, str) else list(np.broadcast_to(np.array(value, float), 3))
        self._fields = [f"_{hole}" for hole in range(op.n_holes)] if isinstance(op, Cutout) else [""]

    def feed(self, drawn: Drawn, sizes: Sizes) -> Mapping[str, Values]:  # noqa: ARG002  (all is drawn)
        return {"anchor": self._pairs(drawn, "y", "x"), "shape": self._pairs(drawn, "height", "width")}

    def build(self, dali: Dali, image: Node, given: Mapping[str, Node]) -> Node:
        return dali.fn.erase(
            image, anchor=given["anchor"], shape=given["shape"], axis_names="HW", fill_value=self._value
        )

    def _pairs(self, drawn: Drawn, down: str, across: str) -> Values:
        columns = [drawn[f"{field}{hole}"] for hole in self._fields for field in (down, across)]
        return np.stack(columns, axis=1).astype(np.float32)

"""What DALI does to a decoded image for one view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...ops import Normalize, Op, ToDtype
from ...params import ParamTable, drawn_inside
from ...pipeline import Pipeline
from .geometry import Window
from .steps import Drawn, Sizes, Step, Values
from .table import leading_window, steps_of

__all__ = ["Branch"]


class Branch:
    """The first ops of a pipeline as steps of a graph, and the numbers that they are fed.

    Args:
        pipeline: whole.
        ops: how many of its ops DALI runs, from the first on. With 0, it cuts out what the first op takes of the image,
            if that is less than all.
        name: what the names of its inputs begin with.
        channels_last: results are (height, width, 3), and (3, height, width) otherwise.

    Attributes:
        steps: by the prefix of their inputs' names, in order.
        conversions: the `ToDtype` and `Normalize` among the ops.
        channels_last: as given.
    """

    def __init__(self, pipeline: Pipeline, ops: int, name: str = "", *, channels_last: bool = False) -> None:
        self.steps: dict[str, Step] = {}
        self._positions: dict[str, int] = {}
        for position, steps in _steps(pipeline, ops):
            for number, step in enumerate(steps):
                prefix = f"{name}{position}.{number}"
                self.steps[prefix] = step
                self._positions[prefix] = position
        self.conversions: list[Op] = [op for op in pipeline[:ops] if isinstance(op, ToDtype | Normalize)]
        self.channels_last = channels_last

    @property
    def window(self) -> tuple[str, Window] | None:
        """The first step with its prefix, if it cuts inside the image: a decoder can do that."""
        prefix, first = next(iter(self.steps.items()), ("", None))
        return (prefix, first) if isinstance(first, Window) and first.inside else None

    def region(self, params: ParamTable, sizes: Sizes) -> NDArray[np.int64]:
        """(n, 4) top, left, bottom and right of what is taken of each image; of the whole one without a `window`."""
        if self.window is None:
            return np.concatenate([np.zeros_like(sizes), sizes], axis=1)
        prefix, window = self.window
        start, shape = window.window(self._drawn(params, prefix), sizes)
        return np.concatenate([start, start + shape], axis=1)

    def feeds(self, params: ParamTable, sizes: Sizes, origin: Sizes) -> dict[str, Values]:
        """The values of its inputs, by name; `origin`: (n, 2) top and left of the part of each image that it is given,
        which is of `sizes` where there is no `window`."""
        feeds: dict[str, Values] = {}
        for prefix, step in self.steps.items():
            drawn = self._drawn(params, prefix)
            given = dict(step.feed(drawn, sizes))
            if not feeds and self.window is not None:
                given["start"] = (np.asarray(given["start"]) - origin).astype(np.int32)
            feeds |= {f"{prefix}.{name}": values for name, values in given.items()}
            sizes = step.sizes_after(drawn, sizes)
        return feeds

    def sizes_after(self, params: ParamTable, sizes: Sizes) -> Sizes:
        """(n, 2) heights and widths of the results."""
        for prefix, step in self.steps.items():
            sizes = step.sizes_after(self._drawn(params, prefix), sizes)
        return sizes

    def _drawn(self, params: ParamTable, prefix: str) -> Drawn:
        return drawn_inside(dict(zip(params.columns, params.values.T, strict=True)), self._positions[prefix])


def _steps(pipeline: Pipeline, ops: int) -> Iterator[tuple[int, Sequence[Step]]]:
    for position, op in enumerate(pipeline[:ops]):
        steps = steps_of(op)
        if not isinstance(steps, str):
            yield position, steps
    if not ops and len(pipeline):
        yield 0, leading_window(pipeline[0])

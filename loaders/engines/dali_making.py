"""What makes the batches of a loader with DALI, and with torch behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...augment import ParamTable, Pipeline
from ...augment.executors.dali import DaliViews
from ..keys.keys import SampleKeys
from .dali_parts import DaliParts, TorchRest

__all__ = ["DaliMaker", "Rows"]

Rows = tuple[NDArray[np.float64], ...]
"""What was drawn for one sample: (columns,) for each view."""


class DaliMaker:
    """Draws for images, and makes all views of a batch of them. Running is not thread-safe; the rest is.

    Args:
        pipelines: of each view, with a fixed output size.
        device: where results are made.
        threads: of DALI, on the CPU.
        channels_last: results lie in memory as (n, ..., height, width, 3).

    Raises:
        SpecError: an op that neither DALI nor torch can run.
        OptionError: DALI is not installed.
    """

    def __init__(
        self, pipelines: Sequence[Pipeline], device: torch.device, *, threads: int, channels_last: bool
    ) -> None:
        parts = [DaliParts(pipeline) for pipeline in pipelines]
        branches = [part.branch(f"{view}.", channels_last=channels_last) for view, part in enumerate(parts)]
        self._pipelines = pipelines
        self._views = DaliViews(branches, device, threads=threads)
        self._rests = [TorchRest(*both, self._views.device) for both in zip(parts, branches, strict=True)]
        self._channels_last = channels_last

    def draw(self, size: tuple[int, int], keys: SampleKeys, row: int) -> Rows:
        """What the sample of a row draws, whose image has this height and width.

        Raises:
            RecordError: the image is too small for a crop, or the like.
        """
        sizes = np.array([size], np.int32)
        one = slice(row, row + 1)
        return tuple(
            pipeline.program.draw(keys.seed, keys.epoch, keys.indices[one], keys.draws[one], sizes, view)[0]
            for view, pipeline in enumerate(self._pipelines)
        )

    def window(self, size: tuple[int, int], drawn: Rows) -> tuple[int, int, int, int] | None:
        """x, y, width and height: what of an image of this size is needed; None for all of it."""
        windows = self._views.windows(self._tables([drawn]), [size])
        if windows is None:
            return None
        x, y, width, height = map(int, windows[0])
        return x, y, width, height

    def run(
        self,
        images: Sequence[NDArray[np.uint8]],
        drawn: Sequence[Rows],
        sizes: Sequence[tuple[int, int]],
        cut: NDArray[np.bool_],
    ) -> list[torch.Tensor]:
        """The results of each view, in the layout that is asked for; otherwise as `DaliViews.run`."""
        tables = self._tables(drawn)
        made = self._views.run(images, tables, sizes, cut)
        with torch.no_grad(), torch.autocast(self._views.device.type, enabled=False):
            results = [rest.run(batch, table) for rest, batch, table in zip(self._rests, made, tables, strict=True)]
        return [batch.movedim(-3, -1) for batch in results] if self._channels_last else results

    def _tables(self, drawn: Sequence[Rows]) -> list[ParamTable]:
        views = zip(*drawn, strict=True)
        return [
            ParamTable(pipeline.columns, np.stack(rows)) for pipeline, rows in zip(self._pipelines, views, strict=True)
        ]

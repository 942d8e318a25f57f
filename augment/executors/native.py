"""The C++ kernels on decoded images; engines call the same kernels without Python in between."""

from __future__ import annotations

from collections.abc import Sequence

from ..params import ParamTable
from ..pipeline import Pipeline
from .base import Image, Result, check_pipeline, check_run

__all__ = ["NativeExecutor"]


class NativeExecutor:
    """`Executor` on the core's kernels, fast and thread-safe.

    Equal to `ReferenceExecutor` in every bit, but for bilinear resizes: those are within one level before other ops.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        check_pipeline(self, pipeline)
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    def run(self, images: Sequence[Image], params: ParamTable) -> list[Result]:
        check_run(self._pipeline, images, params)
        return [self._pipeline.apply_row(image, params.row(k)) for k, image in enumerate(images)]

"""`Executor` on NVIDIA DALI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ....errors import OptionError, SpecError
from ...ops.base import Stage
from ...params import ParamTable
from ...pipeline import Pipeline
from ..base import Image, Result, check_drawn, check_run
from .branch import Branch
from .steps import Sizes
from .table import dali_obstacle
from .views import Batch, DaliViews

__all__ = ["DaliExecutor"]


class DaliExecutor:
    """`Executor` on NVIDIA DALI: on a GPU, or with DALI's CPU back-end. Not thread-safe.

    Graphs are built for the first batch, and again for a larger one. `docs/parity.md` says how near the results are to
    those of `ReferenceExecutor`.

    Args:
        pipeline: ops that DALI can run (`dali_prefix` of them can).
        device: where results are: "cpu", or a CUDA device.
        threads: of DALI, on the CPU; at least 1.
        channels_last: batches lie in memory as (n, height, width, 3).

    Raises:
        SpecError: an op that DALI can't run; the message names it.
        OptionError: DALI is not installed; `pipeline` is no `Pipeline`, `device` or `threads` none of the above.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        device: torch.device | str = "cpu",
        *,
        threads: int = 1,
        channels_last: bool = False,
    ) -> None:
        _check_arguments(pipeline, threads)
        _check_ops(pipeline)
        self._pipeline = pipeline
        self._branch = Branch(pipeline, len(pipeline), channels_last=channels_last)
        self._views = DaliViews([self._branch], device, threads=threads)

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    @property
    def device(self) -> torch.device:
        """Where results are."""
        return self._views.device

    def run(self, images: Sequence[Image], params: ParamTable) -> list[Result]:
        check_run(self._pipeline, images, params)
        return [tensor.numpy(force=True).copy(order="C") for tensor in self.run_batch(images, params)]

    def run_batch(self, images: Sequence[Image], params: ParamTable) -> Batch:
        """As `run`, in tensors on `device`, not copied once more."""
        check_run(self._pipeline, images, params)
        return self.run_encoded(images, params, [np.shape(image)[:2] for image in images])

    def run_encoded(
        self,
        images: Sequence[NDArray[np.uint8]],
        params: ParamTable,
        sizes: ArrayLike,
        cut: NDArray[np.bool_] | None = None,
    ) -> Batch:
        """As `run_batch`, for image files, which DALI decodes.

        Args:
            images: a file's bytes, (bytes,) uint8, or pixels, (height, width, 3) uint8, each.
            params: drawn for the `sizes`.
            sizes: (n, 2) heights and widths of the whole images.
            cut: (n,) where `images` holds no more than the `windows` that are needed.

        Raises:
            OptionError: as `Executor.run`; an image or `sizes` of another shape or dtype.
            RuntimeError: DALI can't decode one of the files; which, it does not say.
        """
        check_run(self._pipeline, images, params)
        _check_images(images, sizes)
        check_drawn(self._pipeline, params, sizes)
        return self._views.run(images, [params], sizes, cut)[0]

    def windows(self, params: ParamTable, sizes: ArrayLike) -> NDArray[np.int64] | None:
        """(n, 4) x, y, width and height: what of each image is needed; None where all of it is."""
        return self._views.windows([params], sizes)

    def sizes_after(self, params: ParamTable, sizes: ArrayLike) -> Sizes:
        """(n, 2) heights and widths of the results."""
        return self._branch.sizes_after(params, np.asarray(sizes, np.int64))


def _check_arguments(pipeline: Any, threads: Any) -> None:
    if not isinstance(pipeline, Pipeline):
        raise OptionError(
            f"DaliExecutor needs a penstock.augment.Pipeline, got {type(pipeline).__name__}; wrap ops in Pipeline, and "
            "take each of Views by itself"
        )
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise OptionError(f"threads of DaliExecutor must be an int, got {threads!r}")


def _check_images(images: Sequence[Any], sizes: ArrayLike) -> None:
    for number, image in enumerate(images):
        whole = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.size
        if not whole or not (image.ndim == 1 or (image.ndim == 3 and image.shape[2] == 3)):
            got = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise OptionError(
                f"image {number} must be uint8 pixels, (height, width, 3), or the bytes of a file, (bytes,), got {got}"
            )
    table = np.asarray(sizes)
    if len(images) and (table.dtype.kind not in "iu" or table.shape != (len(images), 2)):
        raise OptionError(
            f"sizes must be ({len(images)}, 2) heights and widths, got {table.dtype} of shape {table.shape}"
        )


def _check_ops(pipeline: Pipeline) -> None:
    for position, op in enumerate(pipeline):
        obstacle = dali_obstacle(op)
        if obstacle:
            fix = "TorchExecutor, or DataLoader(executor='dali'), which leaves it and what follows to torch"
            if op.stage is Stage.FUNCTION:
                fix = "NativeExecutor, or leave it out"
            raise SpecError(
                f"DaliExecutor: {type(op).__name__} at position {position} can't run in DALI: {obstacle}; use {fix}"
            )

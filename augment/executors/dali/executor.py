"""`Executor` on NVIDIA DALI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.dlpack import from_dlpack

from ....errors import OptionError, SpecError
from ...ops import Normalize, ToDtype
from ...params import ParamTable
from ...pipeline import Pipeline
from ..base import Image, Result, check_run
from .geometry import Window
from .graph import IMAGES, Graph
from .modules import load_dali
from .steps import Sizes, Step, Values
from .table import dali_obstacle, steps_of

__all__ = ["DaliExecutor"]

Batch: TypeAlias = torch.Tensor | list[torch.Tensor]
"""(n, 3, height, width), or n tensors of (3, height, width) where their sizes differ."""


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
        OptionError: DALI is not installed, or the device is none of the above.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        device: torch.device | str = "cpu",
        *,
        threads: int = 1,
        channels_last: bool = False,
    ) -> None:
        _check_ops(pipeline)
        self._pipeline = pipeline
        self._device = _checked_device(device)
        self._threads = max(threads, 1)
        self._channels_last = channels_last
        self._dali = load_dali()
        self._steps, self._positions = _numbered(pipeline)
        self._conversions = [op for op in pipeline if isinstance(op, ToDtype | Normalize)]
        self._graphs: dict[bool, Graph] = {}

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    @property
    def device(self) -> torch.device:
        """Where results are."""
        return self._device

    def run(self, images: Sequence[Image], params: ParamTable) -> list[Result]:
        check_run(self._pipeline, images, params)
        return [tensor.numpy(force=True).copy(order="C") for tensor in self.run_batch(images, params)]

    def run_batch(self, images: Sequence[Image], params: ParamTable) -> Batch:
        """As `run`, in tensors on `device`, not copied once more."""
        check_run(self._pipeline, images, params)
        return self.run_encoded(images, params, [image.shape[:2] for image in images])

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
            OptionError: as `Executor.run`.
            RuntimeError: DALI can't decode one of the files; which, it does not say.
        """
        check_run(self._pipeline, images, params)
        if not len(images):
            return []
        feeds = self._feeds(params, np.asarray(sizes, np.int64), cut)
        encoded = any(image.ndim == 1 for image in images)
        feeds[IMAGES] = [_as_file(image) for image in images] if encoded else list(map(np.ascontiguousarray, images))
        graph = self._graph(encoded, len(images))
        try:
            return _tensors(graph.run(feeds), self._channels_last)
        except RuntimeError:
            del self._graphs[encoded]
            raise

    def windows(self, params: ParamTable, sizes: ArrayLike) -> NDArray[np.int64] | None:
        """(n, 4) x, y, width and height: what of each image is needed; None where all of it is."""
        first = next(iter(self._steps.values()), None)
        if not isinstance(first, Window) or not first.inside:
            return None
        start, shape = first.window(self._drawn(params, 0), np.asarray(sizes, np.int64))
        return np.concatenate([start[:, ::-1], shape[:, ::-1]], axis=1)

    def sizes_after(self, params: ParamTable, sizes: ArrayLike) -> Sizes:
        """(n, 2) heights and widths of the results."""
        current = np.asarray(sizes, np.int64)
        for prefix, step in self._steps.items():
            current = step.sizes_after(self._drawn(params, self._positions[prefix]), current)
        return current

    def _feeds(self, params: ParamTable, sizes: Sizes, cut: NDArray[np.bool_] | None) -> dict[str, Values]:
        feeds: dict[str, Values] = {}
        for prefix, step in self._steps.items():
            drawn = self._drawn(params, self._positions[prefix])
            given = dict(step.feed(drawn, sizes))
            if cut is not None and not feeds and isinstance(step, Window):
                given["start"] = np.where(cut[:, None], 0, given["start"]).astype(np.int32)
            feeds |= {f"{prefix}.{name}": values for name, values in given.items()}
            sizes = step.sizes_after(drawn, sizes)
        return feeds

    def _drawn(self, params: ParamTable, position: int) -> Mapping[str, NDArray[np.float64]]:
        prefix = f"{position}."
        return {name.removeprefix(prefix): params[name] for name in params.columns if name.startswith(prefix)}

    def _graph(self, encoded: bool, count: int) -> Graph:
        known = self._graphs.get(encoded)
        if known is not None and known.capacity >= count:
            return known
        graph = Graph(
            self._dali,
            self._steps,
            self._conversions,
            encoded=encoded,
            device_id=self._device.index if self._device.type == "cuda" else None,
            threads=self._threads,
            capacity=count,
            channels_last=self._channels_last,
        )
        self._graphs[encoded] = graph
        return graph


def _check_ops(pipeline: Pipeline) -> None:
    for position, op in enumerate(pipeline):
        obstacle = dali_obstacle(op)
        if obstacle:
            raise SpecError(
                f"DaliExecutor: {type(op).__name__} at position {position} can't run in DALI: {obstacle}; give "
                f"the first {position} ops to DALI and the rest to the torch executor (Pipeline.split({position}))"
            )


def _checked_device(device: torch.device | str) -> torch.device:
    known = torch.device(device)
    if known.type not in ("cpu", "cuda"):
        raise OptionError(f"device of DaliExecutor must be 'cpu' or a CUDA device, got {str(device)!r}")
    return torch.empty(0, device=known).device  # with its index


def _numbered(pipeline: Pipeline) -> tuple[dict[str, Step], dict[str, int]]:
    """The steps in order, and the positions of the ops that they are parts of, by a prefix for their inputs."""
    steps, positions = {}, {}
    for position, op in enumerate(pipeline):
        for number, step in enumerate(steps_of(op)):
            if isinstance(step, Step):
                steps[f"{position}.{number}"] = step
                positions[f"{position}.{number}"] = position
    return steps, positions


def _as_file(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels as a file of the simplest format that decoders read, PPM; files as they are."""
    if image.ndim == 1:
        return image
    head = b"P6\n%d %d\n255\n" % (image.shape[1], image.shape[0])
    return np.concatenate([np.frombuffer(head, np.uint8), image.reshape(-1)])


def _tensors(results: Any, channels_last: bool) -> Batch:
    """Tensors that share DALI's memory, which is theirs as long as they live."""
    if results.is_dense_tensor():
        batch = from_dlpack(results.as_tensor())
        return batch.permute(0, 3, 1, 2) if channels_last else batch
    single = [from_dlpack(result) for result in results]
    return [tensor.permute(2, 0, 1) for tensor in single] if channels_last else single

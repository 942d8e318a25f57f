"""DALI at work: batches of images through the branches of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.dlpack import from_dlpack

from ....errors import OptionError
from ...params import ParamTable
from .branch import Branch
from .graph import IMAGES, WINDOW, Graph
from .modules import load_dali
from .steps import Sizes, Values

__all__ = ["Batch", "DaliViews"]

Batch: TypeAlias = torch.Tensor | list[torch.Tensor]
"""(n, 3, height, width), or n tensors of (3, height, width) where their sizes differ."""


class DaliViews:
    """Several results of each image from one decoding: on a GPU, or with DALI's CPU back-end. Not thread-safe.

    Graphs are built for the first batch, and again for a larger one.

    Args:
        branches: what makes each view; at least one.
        device: where results are: "cpu", or a CUDA device.
        threads: of DALI, on the CPU; at least 1.

    Raises:
        OptionError: DALI is not installed, or the device is none of the above.
    """

    def __init__(self, branches: Sequence[Branch], device: torch.device | str = "cpu", *, threads: int = 1) -> None:
        self._branches = branches
        self._device = _checked_device(device)
        self._threads = max(threads, 1)
        self._dali = load_dali()
        self._graphs: dict[bool, Graph] = {}

    @property
    def device(self) -> torch.device:
        """Where results are."""
        return self._device

    def run(
        self,
        images: Sequence[NDArray[np.uint8]],
        tables: Sequence[ParamTable],
        sizes: ArrayLike,
        cut: NDArray[np.bool_] | None = None,
    ) -> list[Batch]:
        """A batch for each view.

        Args:
            images: a file's bytes, (bytes,) uint8, or pixels, (height, width, 3) uint8, each.
            tables: for each view, drawn for the `sizes`.
            sizes: (n, 2) heights and widths of the whole images.
            cut: (n,) where `images` holds no more than the `windows` that are needed.

        Raises:
            RuntimeError: DALI can't decode one of the files; which, it does not say.
        """
        if not len(images):
            return [[] for _ in self._branches]
        feeds = self._feeds(tables, np.asarray(sizes, np.int64), cut)
        encoded = any(image.ndim == 1 for image in images)
        feeds[IMAGES] = [_as_file(image) for image in images] if encoded else list(map(np.ascontiguousarray, images))
        graph = self._graphs.pop(encoded, None)
        if graph is None or graph.capacity < len(images):
            graph = self._built(encoded, len(images))
        results = graph.run(feeds)
        # Only now: after an error or Ctrl-C, also between two of its inputs, a graph can't be used any more.
        self._graphs[encoded] = graph
        return [_tensors(made, branch.channels_last) for made, branch in zip(results, self._branches, strict=True)]

    def windows(self, tables: Sequence[ParamTable], sizes: ArrayLike) -> NDArray[np.int64] | None:
        """(n, 4) x, y, width and height: what of each image the views need; None where all of it is."""
        if not all(branch.window for branch in self._branches):
            return None
        start, end = self._region(tables, np.asarray(sizes, np.int64))
        return np.concatenate([start[:, ::-1], (end - start)[:, ::-1]], axis=1)

    def _region(self, tables: Sequence[ParamTable], sizes: Sizes) -> tuple[Sizes, Sizes]:
        """(n, 2) top and left, and (n, 2) bottom and right, of what the views need together."""
        regions = np.stack([branch.region(table, sizes) for branch, table in zip(self._branches, tables, strict=True)])
        return regions[..., :2].min(axis=0), regions[..., 2:].max(axis=0)

    def _feeds(self, tables: Sequence[ParamTable], sizes: Sizes, cut: NDArray[np.bool_] | None) -> dict[str, Values]:
        start, end = self._region(tables, sizes)
        from_given = start if cut is None else np.where(cut[:, None], 0, start)
        feeds: dict[str, Values] = {
            f"{WINDOW}start": from_given.astype(np.int32),
            f"{WINDOW}shape": (end - start).astype(np.int32),
        }
        for branch, table in zip(self._branches, tables, strict=True):
            feeds |= branch.feeds(table, sizes, start)
        return feeds

    def _built(self, encoded: bool, count: int) -> Graph:
        return Graph(
            self._dali,
            self._branches,
            encoded=encoded,
            device_id=self._device.index if self._device.type == "cuda" else None,
            threads=self._threads,
            capacity=count,
        )


def _checked_device(device: torch.device | str) -> torch.device:
    """The device with its index."""
    try:
        known = torch.device(device)
    except (RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"{_EXPECTED_DEVICE}, got {device!r}, which is none ({reason})") from error
    if known.type == "cpu":
        return torch.device("cpu")
    if known.type != "cuda":
        raise OptionError(f"{_EXPECTED_DEVICE}, got {str(device)!r}")
    seen = torch.cuda.device_count()
    if (known.index or 0) >= seen:
        raise OptionError(f"{_EXPECTED_DEVICE}, got {str(device)!r}, and torch sees {seen} CUDA devices; take 'cpu'")
    return torch.empty(0, device=known).device


_EXPECTED_DEVICE = "device of DaliExecutor must be 'cpu' or a CUDA device"


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

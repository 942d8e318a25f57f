"""The DALI engine: NVIDIA DALI decodes and augments whole batches, on its CPU back-end or on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ...augment import DaliExecutor, Pipeline
from ...record import RecordSource
from .batch_engine import BatchEngine
from .dali_engine import DaliEngine
from .native import NativeIterator

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["DaliIterator"]


class DaliIterator(NativeIterator):
    """One pass over a loader's batches: as the native engine's, but for who makes their images, and where they are.

    Args:
        loader: whose arguments count.
        source: the records behind its dataset.
        pipeline: with a fixed output size, all of it for DALI.
        device: where images are made.
    """

    engine = "dali"

    def __init__(self, loader: DataLoader[Any], source: RecordSource, pipeline: Pipeline, device: torch.device) -> None:
        self._device = device
        super().__init__(loader, source, pipeline)

    def _open_engine(self, loader: DataLoader[Any], pipelines: Sequence[Pipeline]) -> BatchEngine:
        (pipeline,) = pipelines
        channels_last = loader.memory_format == torch.channels_last
        executor = DaliExecutor(pipeline, self._device, threads=loader.num_workers, channels_last=channels_last)
        return DaliEngine(executor, threads=loader.num_workers)

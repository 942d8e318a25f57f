"""The DALI engine: NVIDIA DALI decodes and augments whole batches, on its CPU back-end or on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from ...augment import Augmentation, Pipeline
from ...record import RecordSource
from .batch_engine import BatchEngine
from .dali_engine import DaliEngine
from .dali_making import DaliMaker
from .native import NativeIterator

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["DaliIterator"]


class DaliIterator(NativeIterator):
    """One pass over a loader's batches: as the native engine's, but for who makes their images, and where they are.

    Args:
        loader: whose arguments count.
        source: the records behind its dataset.
        augmentation: a pipeline with a fixed output size, or views of such, for DALI and torch.
        device: where images are made.
    """

    engine = "dali"

    def __init__(
        self, loader: DataLoader[Any], source: RecordSource, augmentation: Augmentation, device: torch.device
    ) -> None:
        self._device = device
        super().__init__(loader, source, augmentation)

    def _open_engine(self, loader: DataLoader[Any], pipelines: Sequence[Pipeline]) -> BatchEngine:
        channels_last = loader.memory_format == torch.channels_last
        maker = DaliMaker(pipelines, self._device, threads=loader.num_workers, channels_last=channels_last)
        return DaliEngine(maker, threads=loader.num_workers)

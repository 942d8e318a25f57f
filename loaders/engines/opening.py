"""The iterator of the engine that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.utils.data
from torch.utils.data import IterableDataset

from ..wrappers import refuse_transform
from .choice import choose_engine
from .dali import DaliIterator
from .inline import FetchIterator
from .native import NativeIterator
from .placement import Placement
from .pool import IterablePoolIterator, PoolIterator
from .sending import check_functions
from .torch_workers import InlineIterator, ProcessIterator

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["open_iterator"]


def open_iterator(loader: DataLoader[Any], placement: Placement) -> Any:
    """A new iterator over a loader's batches, as far as its engine makes them.

    Raises:
        OptionError: the native engine was asked for and can't run; the dataset has a transform beside a pipeline, or
            the pipeline a function that can't be sent to workers.
    """
    if loader.augment is not None:
        refuse_transform(loader.dataset)
    choice = choose_engine(loader, placement)
    if choice.source is not None and choice.pipeline is not None:
        if choice.name == "dali":
            return DaliIterator(loader, choice.source, choice.pipeline, placement.devices[0])
        return NativeIterator(loader, choice.source, choice.pipeline)
    iterable = isinstance(loader.dataset, IterableDataset)
    if loader.num_workers == 0:
        by_key = loader._order_sampler is not None or loader.on_error != "raise"
        kind = FetchIterator if by_key and not iterable else InlineIterator
        return kind(loader, placement)
    if loader.workers == "processes":
        torch.utils.data.DataLoader.check_worker_number_rationality(loader)
        check_functions(loader)
    if choice.name == "pool":
        return IterablePoolIterator(loader) if iterable else PoolIterator(loader, placement)
    return ProcessIterator(loader, placement)

"""What a loader's arguments come to, for engines that make samples one by one or replace bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.distributed

from ...errors import OptionError
from ..collating import stacks
from ..engines.fetch import Fetcher, Seeding
from ..engines.placement import Placement
from ..state.passes import Pass
from .faults import FaultLog
from .substitutes import Candidates, candidates_of

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["candidates", "fault_log", "fetcher", "place_among_ranks"]


def fetcher(loader: DataLoader[Any], placement: Placement) -> Fetcher:
    """What makes this loader's batches, in the caller's thread or in a worker."""
    threads = loader.workers == "threads" and loader.num_workers > 0
    seeding: Seeding = "no"
    if loader._order_sampler is not None:
        seeding = "thread" if threads else "all"
    return Fetcher(
        dataset=placement.dataset(loader.dataset),
        collate_fn=loader.collate_fn,
        auto_collation=loader.batch_sampler is not None,
        keyed=loader.augment is not None,
        seeding=seeding,
        keep=loader.num_workers == 0,
        on_error=loader.on_error,
        candidates=candidates(loader),
        stacks=stacks(loader.collate_fn),
    )


def candidates(loader: DataLoader[Any]) -> Candidates:
    """What substitutes are chosen from."""
    if loader.on_error != "substitute":
        return None
    if loader._order_sampler is not None:
        return _size(loader) if loader.weights is None else None
    return candidates_of(loader._index_sampler, _size(loader))


def fault_log(loader: DataLoader[Any], current: Pass) -> FaultLog:
    """The count and log of one pass's failures.

    Raises:
        OptionError: samples would be skipped in one of several processes, which then have different numbers of them.
    """
    rank, world_size = place_among_ranks(loader)
    if loader.on_error == "skip" and world_size > 1:
        raise OptionError(
            f"on_error='skip' makes batches shorter on one rank only, and this is rank {rank} of {world_size}; use "
            "on_error='substitute'"
        )
    return FaultLog(loader.error_log, loader.max_errors, rank=rank, epoch=current.epoch, meter=current.meter)


def place_among_ranks(loader: DataLoader[Any]) -> tuple[int, int]:
    """(rank, world_size) of the loader's order, or else of torch.distributed."""
    if loader._order_sampler is not None:
        order = loader._order_sampler.order
        return order.rank, order.world_size
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    sampler = loader.sampler
    return getattr(sampler, "rank", 0), getattr(sampler, "num_replicas", 1)


def _size(loader: DataLoader[Any]) -> int:
    dataset: Any = loader.dataset
    return len(dataset)

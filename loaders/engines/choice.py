"""Which engine runs a loader, and why: decided at each iteration, from the loader as it is then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch

from ...record import RecordSource
from ..augmented import Augmented
from ..layout import default_collating
from ..records import record_source
from ..wrappers import levels

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["EngineChoice", "EngineName", "choose_engine", "explain"]

EngineName: TypeAlias = Literal["native", "processes", "inline"]


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a loader.

    Attributes:
        name: native: C++ threads; processes: torch's workers; inline: torch in the caller's thread.
        obstacles: why it is not native, each in words; empty if it is.
        source: the records that the native engine reads; None for the others.
    """

    name: EngineName
    obstacles: tuple[str, ...] = ()
    source: RecordSource | None = None


def choose_engine(loader: DataLoader[Any]) -> EngineChoice:
    """The fastest engine that gives what this loader's arguments ask for."""
    obstacles = []
    if isinstance(loader.dataset, Augmented):
        source = record_source(loader.dataset.dataset)
        if isinstance(source, str):
            obstacles.append(source)
        if loader.dataset.pipeline.output_size is None:
            obstacles.append("the pipeline has no fixed output size: end its resizing with a crop or a (height, width)")
    else:
        source = _no_pipeline(loader.dataset)
        obstacles.append(source)
    if loader.batch_sampler is None:
        obstacles.append("batch_size=None: samples come one by one")
    elif loader.collate_fn is not default_collating(loader.memory_format):
        obstacles.append("collate_fn is your own")
    if loader.worker_init_fn is not None:
        obstacles.append("worker_init_fn is for worker processes")
    if obstacles or isinstance(source, str):
        return EngineChoice("processes" if loader.num_workers else "inline", tuple(obstacles))
    return EngineChoice("native", source=source)


def explain(loader: DataLoader[Any]) -> str:
    """The engine, the reasons, the order, the keys and the layout of a loader, in words, a line each."""
    choice = choose_engine(loader)
    lines = [f"engine: {_describe(choice, loader)}"]
    lines += [f"  not native: {obstacle}" for obstacle in choice.obstacles]
    lines.append(f"order: {_order(loader)}")
    if loader.augment is not None:
        seed = "torch's base seed" if loader._order_sampler is None else f"seed={loader.seed}"
        lines.append(f"random draws: depend on ({seed}, epoch, index, draw) alone")
    if loader.memory_format == torch.channels_last:
        lines.append("images: channels-last in memory")
    return "\n".join(lines)


def _no_pipeline(dataset: Any) -> str:
    for place, level in levels(dataset):
        if isinstance(level, Augmented):
            return f"the pipeline is inside, at {place}: wrap the outermost dataset instead, with Augmented or augment="
    return "no augment= is declared, so samples are made by Python"


def _describe(choice: EngineChoice, loader: DataLoader[Any]) -> str:
    if choice.name == "inline":
        return "inline (torch, in the caller's thread)"
    if choice.name == "processes":
        return f"processes ({loader.num_workers} of torch's workers)"
    if loader.num_workers == 0:
        return "native (in the caller's thread; num_workers > 0 would prefetch)"
    batches = max(1, (loader.prefetch_factor or 0) * loader.num_workers)
    return f"native (C++ threads: {loader.num_workers}; batches under way: {batches})"


def _order(loader: DataLoader[Any]) -> str:
    if loader._order_sampler is None:
        unused = "; seed is not used, since a sampler was given" if loader.seed is not None else ""
        return f"that of {type(loader._index_sampler).__name__}, as in torch{unused}"
    order = loader._order_sampler.order
    kind = "shuffled by (seed, epoch)" if order.shuffle else "0, 1, 2 ..."
    return f"{kind}; rank {order.rank} of {order.world_size}"

"""What `loader.explain()` says: how a loader runs, and what bounded its latest pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from .engines.choice import EngineChoice, choose_engine

if TYPE_CHECKING:
    from .dataloader import DataLoader
    from .stats import Stats

__all__ = ["explain"]


def explain(loader: DataLoader[Any]) -> str:
    """The engine, the reasons, the order, the keys and the layout of a loader, in words, a line each.

    After some batches also what bounds the current or latest pass, and what to change.
    """
    choice = choose_engine(loader)
    lines = [f"engine: {_describe(choice, loader)}"]
    lines += [f"  not native: {obstacle}" for obstacle in choice.obstacles]
    if choice.recognised:
        lines.append(f"  recognised: {choice.recognised}")
    lines.append(f"order: {_order(loader)}")
    if choice.pipeline is not None or loader.augment is not None:
        seed = "torch's base seed" if loader._order_sampler is None else f"seed={loader.seed}"
        lines.append(f"random draws: depend on ({seed}, epoch, index, draw) alone")
    if loader.memory_format == torch.channels_last:
        lines.append("images: channels-last in memory")
    return "\n".join([*lines, *_bound(loader.stats())])


def _describe(choice: EngineChoice, loader: DataLoader[Any]) -> str:
    if choice.name == "inline":
        return "inline (in the caller's thread)"
    if choice.name == "processes":
        return f"processes ({loader.num_workers} of torch's workers)"
    if choice.name == "pool":
        return f"pool ({loader.num_workers} {loader.workers} of Penstock's own)"
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
    if order.weights is not None:
        kind = f"drawn by weights, with replacement, {order.size:,} in an epoch, by (seed, epoch)"
    return f"{kind}; rank {order.rank} of {order.world_size}"


def _bound(stats: Stats) -> list[str]:
    if not stats.batches:
        return []
    diagnosis = stats.diagnosis
    return [f"bound by: {diagnosis.bottleneck}: {diagnosis.why}", f"to change: {diagnosis.change}"]

"""What `loader.explain()` says: how a loader runs, and what bounded its latest pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import BatchSampler, IterableDataset, RandomSampler, SequentialSampler

from ..engines.choice import EngineChoice, choose_engine
from ..engines.placement import place
from ..state.stateful import has_state
from .placing import explain_placement

if TYPE_CHECKING:
    from ..dataloader import DataLoader
    from .stats import Stats

__all__ = ["explain"]


def explain(loader: DataLoader[Any]) -> str:
    """The engine, the reasons, where ops run, the order, the keys and the layout of a loader, in words, a line each.

    After some batches also what bounds the current or latest pass, and what to change.
    """
    placement = place(loader)
    choice = choose_engine(loader, placement)
    lines = [f"engine: {_describe(choice, loader)}"]
    lines += [f"  not native: {obstacle}" for obstacle in choice.obstacles]
    if choice.name == "pool":
        lines.append(f"  not torch's workers: {', '.join(_beyond_torch(loader))}")
    if choice.recognised:
        lines.append(f"  recognised: {choice.recognised}")
    lines += explain_placement(placement, choice, loader)
    lines.append(f"order: {_order(loader)}")
    if choice.pipeline is not None or loader.augment is not None:
        seed = "torch's base seed" if loader._order_sampler is None else f"seed={loader.seed}"
        mixing = "" if placement.mixing is None else "; mixing: on those of the first sample of a batch"
        lines.append(f"random draws: depend on ({seed}, epoch, index, draw) alone{mixing}")
    if loader.memory_format == torch.channels_last:
        lines.append("images: channels-last in memory")
    lines += [*_own_randomness(choice, loader), *_faults(loader), *_delivery(loader), *_unused(choice, loader)]
    return "\n".join([*lines, *_bound(loader.stats())])


def _describe(choice: EngineChoice, loader: DataLoader[Any]) -> str:
    if choice.name == "inline":
        return "inline (in the caller's thread)"
    if choice.name == "processes":
        return f"processes ({loader.num_workers} of torch's workers)"
    if choice.name == "pool":
        return f"pool ({loader.num_workers} {loader.workers} of Penstock's own)"
    if choice.name == "dali":
        where = f"threads: {loader.num_workers}" if loader.num_workers else "in the caller's thread"
        return f"dali (NVIDIA DALI; {where})"
    if loader.num_workers == 0:
        return "native (in the caller's thread; num_workers > 0 would prefetch)"
    batches = max(1, (loader.prefetch_factor or 0) * loader.num_workers)
    return f"native (C++ threads: {loader.num_workers}; batches under way: {batches})"


def _beyond_torch(loader: DataLoader[Any]) -> list[str]:
    """What torch's worker processes can't do, and this loader is asked for."""
    asked = {
        "workers='threads'": loader.workers == "threads",
        f"on_error={loader.on_error!r}": loader.on_error != "raise",
        f"on_worker_death={loader.on_worker_death!r}": loader.on_worker_death != "raise",
        f"watchdog={loader.watchdog}": bool(loader.watchdog),
        f"seed={loader.seed} for samples made by Python": loader._order_sampler is not None,
        "the state of an iterable dataset": isinstance(loader.dataset, IterableDataset) and has_state(loader.dataset),
    }
    return [what for what, is_asked in asked.items() if is_asked]


def _own_randomness(choice: EngineChoice, loader: DataLoader[Any]) -> list[str]:
    if choice.name not in ("inline", "pool") or loader._order_sampler is None:
        return []
    keys = f"(seed={loader.seed}, epoch, index, draw)"
    if choice.name == "pool" and loader.workers == "threads":
        return [
            f"samples' own random numbers: those of penstock.rng.current() depend on {keys} alone; random, numpy and "
            "torch are shared by all threads, and not exact"
        ]
    return [f"samples' own random numbers: random, numpy and torch are seeded for each sample, by {keys}"]


def _faults(loader: DataLoader[Any]) -> list[str]:
    lines = []
    if loader.on_error != "raise":
        what = "skipped" if loader.on_error == "skip" else "replaced by others"
        log = f"; logged to {loader.error_log}" if loader.error_log is not None else ""
        lines.append(f"bad samples: {what}, up to {loader.max_errors} in an epoch{log}")
    if loader.on_worker_death == "restart" and loader.num_workers:
        lines.append(f"workers that die: replaced, up to {loader.max_restarts} times")
    return lines


def _unused(choice: EngineChoice, loader: DataLoader[Any]) -> list[str]:
    """Arguments that have nothing to do in this engine."""
    alone = loader.num_workers == 0
    python = choice.name not in ("native", "dali")
    asked = {
        f"workers={loader.workers!r}": loader.workers != "processes" and (alone or not python),
        f"on_worker_death={loader.on_worker_death!r}": loader.on_worker_death != "raise"
        and (alone or not python or loader.workers == "threads"),
        f"watchdog={loader.watchdog}": bool(loader.watchdog) and alone and python,
        f"error_log={loader.error_log!r}": loader.error_log is not None and loader.on_error == "raise",
    }
    names = [name for name, unused in asked.items() if unused]
    return [f"not used here: {', '.join(names)}"] if names else []


def _delivery(loader: DataLoader[Any]) -> list[str]:
    if loader.device is None and loader.devices is None:
        return []
    where = f"to {loader.device}" if loader.devices is None else f"in slices to {', '.join(map(str, loader.devices))}"
    return [f"delivered: {where}; up to {loader.prefetch_to_device} batches ahead"]


def _order(loader: DataLoader[Any]) -> str:
    if loader._order_sampler is None:
        unused = "; seed is not used, since a sampler was given" if loader.seed is not None else ""
        sampler: Any = loader._index_sampler
        sampler = sampler.sampler if type(sampler) is BatchSampler else sampler
        kind = {RandomSampler: "shuffled", SequentialSampler: "0, 1, 2 ..."}.get(type(sampler), "")
        return f"{kind + ' by ' if kind else 'that of '}{type(sampler).__name__}, as in torch{unused}"
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

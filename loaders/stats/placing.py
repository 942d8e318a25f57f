"""What `loader.explain()` says of each op of a pipeline: where it runs, and why there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...augment import Views
from ..engines.choice import EngineChoice
from ..engines.placement import Placement

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["explain_placement"]


def explain_placement(placement: Placement, choice: EngineChoice, loader: DataLoader[Any]) -> list[str]:
    """A line on the split and one on each op; none for a loader without a declared pipeline."""
    if placement.made is None:
        return []
    native = f"DALI on {placement.devices[0]}" if choice.name == "dali" else _native(choice, loader)
    lines = [f"ops (executor={loader.executor!r}): {placement.why}"]
    if isinstance(placement.made, Views):
        for count, pipeline in placement.made.groups:
            lines += [f"  {count} views:" if count > 1 else "  1 view:"]
            lines += [f"    {number} {op!r}: {native}" for number, op in enumerate(pipeline)]
        return lines
    lines += [f"  {number} {op!r}: {native}" for number, op in enumerate(placement.made)]
    where = f"torch on {', '.join(map(str, dict.fromkeys(placement.devices)))}"
    rest = list(placement.rest or ())
    lines += [f"  {number} {op!r}: {where}" for number, op in enumerate(rest, len(placement.made))]
    if placement.mixing is not None:
        lines.append(f"  {len(placement.made) + len(rest)} {placement.mixing[0]!r}: {where}, whole batches")
    return lines


def _native(choice: EngineChoice, loader: DataLoader[Any]) -> str:
    if choice.name == "native":
        return "native"
    where = "in the caller's thread" if choice.name == "inline" else f"in Python {_workers(choice, loader)}"
    return f"native kernels {where}"


def _workers(choice: EngineChoice, loader: DataLoader[Any]) -> str:
    return "threads" if choice.name == "pool" and loader.workers == "threads" else "workers"

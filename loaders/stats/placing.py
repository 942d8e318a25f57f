"""What `loader.explain()` says of each op of a pipeline: where it runs, and why there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ...augment import Pipeline, Views
from ...augment.ops.base import Stage
from ...augment.views import pipelines_of
from ..engines.choice import EngineChoice
from ..engines.placement import Placement

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["explain_placement"]


def explain_placement(placement: Placement, choice: EngineChoice, loader: DataLoader[Any]) -> list[str]:
    """A line on the split and one on each op; none for a loader without a declared pipeline."""
    if placement.made is None:
        return []
    made = pipelines_of(placement.made)
    rests = placement.rests or (Pipeline(),) * len(made)
    if choice.name == "dali":
        made, rests = (tuple(map(attrgetter(name), placement.dali)) for name in ("first", "rest"))
    fallen = placement.dali and choice.name != "dali"
    why = "; ".join(choice.obstacles) if fallen else placement.why
    lines = [f"ops (executor={loader.executor!r}): {why}"]
    for (first, rest), views in groupby(zip(made, rests, strict=True)):
        ops = list(_ops(first, rest, placement, choice, loader))
        if isinstance(placement.made, Views):
            count = len(list(views))
            lines += [f"  {count} views:" if count > 1 else "  1 view:", *(f"  {line}" for line in ops)]
        else:
            lines += ops
    if placement.mixing is not None:
        number = len(made[0]) + len(rests[0])
        lines.append(f"  {number} {placement.mixing[0]!r}: {_devices(placement)}, whole batches")
    return lines


def _ops(
    first: Pipeline, rest: Pipeline, placement: Placement, choice: EngineChoice, loader: DataLoader[Any]
) -> Iterator[str]:
    python = _python(choice, loader)
    others = f"native kernels {python}" if python else "native"
    if choice.name == "dali":
        others = f"DALI on {placement.devices[0]}"
    for number, op in enumerate(first):
        yield f"  {number} {op!r}: {f'Python, {python}' if op.stage is Stage.FUNCTION else others}"
    for number, op in enumerate(rest, len(first)):
        yield f"  {number} {op!r}: {_devices(placement)}"


def _devices(placement: Placement) -> str:
    return f"torch on {', '.join(map(str, dict.fromkeys(placement.devices)))}"


def _python(choice: EngineChoice, loader: DataLoader[Any]) -> str:
    """Where Python makes samples; "" where it does not."""
    if choice.name in ("native", "dali"):
        return ""
    if choice.name == "inline":
        return "in the caller's thread"
    return f"in Python {'threads' if choice.name == 'pool' and loader.workers == 'threads' else 'workers'}"
